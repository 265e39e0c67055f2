// SPDX-License-Identifier: Apache-2.0
#include "tests/support/real_log.h"

#include <cstdio>
#include <memory>

namespace braid::testing {

std::vector<std::string> real_log_lines() {
    std::vector<std::string> lines;
    // Tests run from the project's root; the decompressor comes with every Debian.
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(
        popen("xz -dc examples/reference_job/access.log.xz", "r"), &pclose);
    if (!pipe) return lines;
    std::string line;
    for (int byte = getc(pipe.get()); byte != EOF; byte = getc(pipe.get())) {
        if (byte == '\n') {
            lines.push_back(std::move(line));
            line.clear();
        } else {
            line.push_back(static_cast<char>(byte));
        }
    }
    // The last line has no newline.
    if (!line.empty()) lines.push_back(std::move(line));
    return lines;
}

}  // namespace braid::testing
