// SPDX-License-Identifier: Apache-2.0
#pragma once

// What clang's -Wthread-safety proves of a lock. Other compilers see nothing.
#if defined(__clang__)
#define BRAID_THREAD_ATTRIBUTE(...) __attribute__((__VA_ARGS__))
#else
#define BRAID_THREAD_ATTRIBUTE(...)
#endif

#define CAPABILITY(name) BRAID_THREAD_ATTRIBUTE(capability(name))
#define SCOPED_CAPABILITY BRAID_THREAD_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(mutex) BRAID_THREAD_ATTRIBUTE(guarded_by(mutex))
#define REQUIRES(...) BRAID_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) BRAID_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) BRAID_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define RELEASE(...) BRAID_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define EXCLUDES(...) BRAID_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS BRAID_THREAD_ATTRIBUTE(no_thread_safety_analysis)
