// SPDX-License-Identifier: Apache-2.0
#include "app/descriptors.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sys/resource.h>
#include <system_error>

#include "base/error_makers.h"

namespace braid::app {

Result<uint64_t> raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return io_error("could not read the limit of open files: {}", std::strerror(errno));
    }
    const uint64_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    // Some kernels have a lower limit for all processes; what there is will do.
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? uint64_t{limit.rlim_cur} : before;
}

DescriptorWatch::DescriptorWatch(Metrics& metrics)
    : open_(metrics.get("braid_open_files", Metrics::Kind::kGauge,
                        "File descriptors of the process that are in use.")),
      most_(metrics.get("braid_open_files_max", Metrics::Kind::kGauge,
                        "File descriptors that the process may have (RLIMIT_NOFILE).")) {}

void DescriptorWatch::look() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) most_.set(static_cast<int64_t>(limit.rlim_cur));
    std::error_code failure;
    std::filesystem::directory_iterator each("/proc/self/fd", failure);
    int64_t count = 0;
    for (; !failure && each != std::filesystem::end(each); each.increment(failure)) ++count;
    if (!failure) open_.set(count - 1);  // less the one that counts
}

}  // namespace braid::app
