// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace braid::app {

/// Lets all take their memory in the same few places, so that it can be given back: a pool of its
/// own would keep what a segment needed for as long as the process lives, and an arena for each
/// thread what that once did. Before anything was read, and before there is a second thread.
void share_one_allocator();

/// Gives the machine what the process has no use for at the moment. Takes a millisecond or a few;
/// who asks for memory meanwhile waits for it. Thread-safe.
void give_memory_back();

}  // namespace braid::app
