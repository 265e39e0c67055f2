// SPDX-License-Identifier: Apache-2.0
// Opens the sample of docs/formats/run.md, which is never written again.
#include <gtest/gtest.h>

#include "base/posix_file_system.h"
#include "base/test_support.h"
#include "manifest/run_text.h"
#include "runs/test_support.h"

namespace braid::runs {
namespace {

/// As a manifest would describe it.
manifest::Run sample() {
    manifest::Run run;
    run.parts = {{.section = 0,
                  .file = "run/7.run",
                  .at = 0,
                  .rows = 24,
                  .bytes = 3252,
                  .crc = 0x7110718b,
                  .digest = {.low = 0x3667ef0be14c9860, .high = 0x3710dae2629eb054},
                  .first_key = "key 00",
                  .last_key = "key 23"},
                 {.section = 0,
                  .file = "run/7.run",
                  .at = 3252,
                  .rows = 10,
                  .bytes = 3146,
                  .crc = 0x1319ab34,
                  .digest = {.low = 0x290e2c1e5a5a12d2, .high = 0x88685835f1603d61},
                  .first_key = "key 24",
                  .last_key = "key 33"},
                 {.section = 0,
                  .file = "run/7.run",
                  .at = 6398,
                  .rows = 6,
                  .bytes = 2430,
                  .crc = 0xc01ab03a,
                  .digest = {.low = 0x5c6f558f7a8c339a, .high = 0xd7d38f329eb3c10e},
                  .first_key = "key 34",
                  .last_key = "key 39"},
                 {.section = 1,
                  .file = "run/7.run",
                  .at = 8828,
                  .rows = 39,
                  .bytes = 943,
                  .crc = 0x8e577a47,
                  .digest = {.low = 0x266144f13c71e189, .high = 0xcdfee93dd2bc67d3},
                  .first_key = "key 01",
                  .last_key = "key 38"},
                 {.section = 2,
                  .file = "run/7.run",
                  .at = 9771,
                  .rows = 39,
                  .bytes = 1142,
                  .crc = 0xdbef12e3,
                  .digest = {.low = 0x2751558438586469, .high = 0xaa3257230ac47b03},
                  .first_key = "key 01",
                  .last_key = "key 38"},
                 {.section = kFailedSection,
                  .file = "run/7.run",
                  .at = 10913,
                  .rows = 3,
                  .bytes = 282,
                  .crc = 0x4f137a70,
                  .digest = {.low = 0xf7ecc97d8a5e9c54, .high = 0x7e33c98ecdd610d3},
                  .first_key = operators::encode_event({{0}, {7}}),
                  .last_key = operators::encode_event({{2}, {1}})}};
    return run;
}

struct Row {
    std::string key;
    std::string subkey;
    std::string state;
    bool operator==(const Row&) const = default;
};

std::vector<Row> rows_of(uint32_t section) {
    if (section == kFailedSection) {
        return {{operators::encode_event({{0}, {7}}), "", "division by zero"},
                {operators::encode_event({{0}, {256}}), "", "integer out of range"},
                {operators::encode_event({{2}, {1}}), "",
                 "invalid input syntax for type integer: \"d\xC3\xA9\""}};
    }
    std::vector<Row> rows;
    for (int index = 0; index < 40; ++index) {
        const std::string key = fmt::format("key {:02}", index);
        if (section == 0) {
            const auto letter = static_cast<char>('a' + index % 26);
            rows.push_back({key, "", std::string(static_cast<size_t>(index) * 10, letter)});
            continue;
        }
        const std::string state(section == 1 ? 0 : 1, static_cast<char>(1 + index));
        for (int value = 0; value < index % 3; ++value) {
            rows.push_back({key, fmt::format("value {}", value), state});
        }
    }
    return rows;
}

TEST(RunSample, OpensAndHoldsItsRows) {
    ASSERT_OK_AND_ASSIGN(const auto files, open_posix_file_system("docs/formats/samples"));
    ASSERT_OK_AND_ASSIGN(const auto run, RunReader::open(*files, sample()));
    for (const uint32_t section : {0U, 1U, 2U, kFailedSection}) {
        ASSERT_OK_AND_ASSIGN(const auto cursor, run->scan(section, {}, {}));
        std::vector<Row> read;
        operators::StateRow row;
        while (cursor->next(row).value()) {
            read.push_back({std::string(row.key), std::string(row.subkey), std::string(row.state)});
        }
        EXPECT_EQ(read, rows_of(section)) << section;
    }
    for (const manifest::Part& part : sample().parts) {
        Digest digest;
        for (const auto& [key, subkey, state] : rows_of(part.section)) {
            if (key < part.first_key || key > part.last_key) continue;
            digest.add_row(part.section, key, subkey, state);
        }
        EXPECT_EQ(digest, part.digest) << part.file;
    }
}

/// A run that no manifest names has its description beside it.
TEST(RunSample, IsDescribedByTheTextBesideIt) {
    manifest::Run described = sample();
    for (manifest::Part& part : described.parts) {
        part.file = "7.run";
        described.digest.add(part.digest);
    }
    described.version = {3};
    described.kind = manifest::RunKind::kBatch;
    described.rows = 40;
    described.set_account({.counted = 79, .filtered = 5, .quarantined = 5, .failed = 3});
    ASSERT_OK_AND_ASSIGN(const auto files, open_posix_file_system("docs/formats/samples"));
    ASSERT_OK_AND_ASSIGN(const std::string text, files->read_all("run/7.run.json"));
    ASSERT_OK_AND_ASSIGN(const manifest::Run run, manifest::run_from_text(text, "7.run.json"));
    EXPECT_EQ(manifest::run_to_text(run).value(), manifest::run_to_text(described).value());
    EXPECT_EQ(run.digest, described.digest);
    EXPECT_EQ(run.parts.size(), described.parts.size());
}

}  // namespace
}  // namespace braid::runs
