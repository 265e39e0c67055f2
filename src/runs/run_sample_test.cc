// SPDX-License-Identifier: Apache-2.0
// Opens the sample of docs/formats/run.md, which is never written again.
#include <gtest/gtest.h>

#include "base/posix_file_system.h"
#include "base/test_support.h"
#include "runs/test_support.h"

namespace braid::runs {
namespace {

/// As a manifest would describe it.
manifest::Run sample() {
    manifest::Run run;
    run.parts = {{.section = 0,
                  .file = "run/0-0.run",
                  .rows = 24,
                  .bytes = 3251,
                  .crc = 0x3d0cf38c,
                  .digest = {.low = 0x418d644d29a38f63, .high = 0x63343ede56b48977},
                  .first_key = "key 00",
                  .last_key = "key 23"},
                 {.section = 0,
                  .file = "run/0-1.run",
                  .rows = 10,
                  .bytes = 3145,
                  .crc = 0x9db89573,
                  .digest = {.low = 0x1fbb34b000c6f0cc, .high = 0x4536bb308d5c1d3d},
                  .first_key = "key 24",
                  .last_key = "key 33"},
                 {.section = 0,
                  .file = "run/0-2.run",
                  .rows = 6,
                  .bytes = 2429,
                  .crc = 0x779be856,
                  .digest = {.low = 0x2f1a5852f7eac12c, .high = 0xead6c5ce451ef7ce},
                  .first_key = "key 34",
                  .last_key = "key 39"},
                 {.section = 1,
                  .file = "run/1-0.run",
                  .rows = 39,
                  .bytes = 942,
                  .crc = 0x57f61c7d,
                  .digest = {.low = 0x21db4d4fd29a1bb9, .high = 0xb611c0108c263ed6},
                  .first_key = "key 01",
                  .last_key = "key 38"},
                 {.section = kFailedSection,
                  .file = "run/9999-0.run",
                  .rows = 3,
                  .bytes = 281,
                  .crc = 0xa6257fad,
                  .digest = {.low = 0x5e3350346b24f01d, .high = 0x363704a5b798c3e0},
                  .first_key = operators::encode_event({{0}, {7}}),
                  .last_key = operators::encode_event({{2}, {1}})}};
    return run;
}

TEST(RunSample, OpensAndHoldsItsRows) {
    TestRows groups;
    TestRows set;
    for (int index = 0; index < 40; ++index) {
        const std::string key = fmt::format("key {:02}", index);
        groups.emplace_back(
            key, std::string(static_cast<size_t>(index) * 10, static_cast<char>('a' + index % 26)));
        for (int value = 0; value < index % 3; ++value) {
            set.emplace_back(key, fmt::format("value {}", value));
        }
    }
    ASSERT_OK_AND_ASSIGN(const auto files, open_posix_file_system("docs/formats/samples"));
    ASSERT_OK_AND_ASSIGN(const auto run, RunReader::open(*files, sample()));
    ASSERT_OK_AND_ASSIGN(const TestRows read_groups, read_rows(*run, 0));
    EXPECT_EQ(read_groups, groups);
    ASSERT_OK_AND_ASSIGN(const TestRows read_set, read_rows(*run, 1));
    EXPECT_EQ(read_set, set);
    const TestRows failed = {{operators::encode_event({{0}, {7}}), "division by zero"},
                             {operators::encode_event({{0}, {256}}), "integer out of range"},
                             {operators::encode_event({{2}, {1}}),
                              "invalid input syntax for type integer: \"d\xC3\xA9\""}};
    ASSERT_OK_AND_ASSIGN(const TestRows read_failed, read_rows(*run, kFailedSection));
    EXPECT_EQ(read_failed, failed);
    for (const manifest::Part& part : sample().parts) {
        Digest digest;
        const TestRows& rows = part.section == 0 ? groups : part.section == 1 ? set : failed;
        for (const auto& [key, value] : rows) {
            if (key >= part.first_key && key <= part.last_key) digest.add_row(key, value);
        }
        EXPECT_EQ(digest, part.digest) << part.file;
    }
}

}  // namespace
}  // namespace braid::runs
