// SPDX-License-Identifier: Apache-2.0
#include "log/redo_record.h"

#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/test_support.h"

namespace braid::log {
namespace {

RedoRecord sample() {
    RedoRecord record;
    record.name = "00112233445566778899aabbccddeeff";
    record.epoch = 300;
    record.made = {ObjectId{7}, ObjectId{300}};
    record.dropped = {ObjectId{4}};
    record.parts = {{TableId{1}, LogId{"ab"}, PartitionId{3}, {"{}", std::string(300, 'x'), ""}},
                    {TableId{7}, LogId{"cd"}, PartitionId{0}, {}}};
    return record;
}

void expect_same(const RedoRecord& found, const RedoRecord& wanted) {
    EXPECT_EQ(found.name, wanted.name);
    EXPECT_EQ(found.epoch, wanted.epoch);
    EXPECT_EQ(found.made, wanted.made);
    EXPECT_EQ(found.dropped, wanted.dropped);
    ASSERT_EQ(found.parts.size(), wanted.parts.size());
    for (size_t i = 0; i < wanted.parts.size(); ++i) {
        EXPECT_EQ(found.parts[i].table, wanted.parts[i].table);
        EXPECT_EQ(found.parts[i].log, wanted.parts[i].log);
        EXPECT_EQ(found.parts[i].partition, wanted.parts[i].partition);
        EXPECT_EQ(found.parts[i].records, wanted.parts[i].records);
    }
}

TEST(RedoRecord, ReadsWhatItWrites) {
    ASSERT_OK_AND_ASSIGN(const RedoRecord found, decode_redo_record(encode(sample())));
    expect_same(found, sample());
}

TEST(RedoRecord, OpensTheSamplesOfEachVersion) {
    RedoRecord wanted = sample();
    for (const char* name : {"2-300", "2"}) {
        std::ifstream file(
            fmt::format("docs/formats/samples/redo/00112233445566778899aabbccddeeff-{}.redo", name),
            std::ios::binary);
        const std::string bytes((std::istreambuf_iterator<char>(file)), {});
        ASSERT_OK_AND_ASSIGN(const RedoRecord found, decode_redo_record(bytes));
        expect_same(found, wanted);
        wanted.epoch = 0;  // before version 2 there was none
    }
}

TEST(RedoRecord, RefusesAnyByteThatHasChanged) {
    const std::string whole = encode(sample());
    for (size_t i = 0; i < whole.size(); ++i) {
        std::string bytes = whole;
        bytes[i] = static_cast<char>(bytes[i] ^ 0x10);
        EXPECT_FALSE(decode_redo_record(bytes)) << i;
        EXPECT_FALSE(decode_redo_record(whole.substr(0, i))) << i;
    }
    EXPECT_FALSE(decode_redo_record(whole + "x"));
}

TEST(RedoRecords, KeepsThemUntilTheyAreRemoved) {
    MemoryFileSystem files;
    ASSERT_OK(files.create_directories("redo"));
    RedoRecords records(files, "redo");
    ASSERT_OK(records.write(sample()));
    EXPECT_ERROR(records.write(sample()), ErrorCode::kAlreadyExists);
    RedoRecord other = sample();
    other.name = "ff";
    ASSERT_OK(records.write(other));
    ASSERT_OK_AND_ASSIGN(const auto left, RedoRecords(files, "redo").left());
    ASSERT_EQ(left.size(), 2u);
    expect_same(left[0], sample());
    ASSERT_OK(records.remove(sample()));
    ASSERT_OK_AND_ASSIGN(const auto rest, records.left());
    ASSERT_EQ(rest.size(), 1u);
    EXPECT_EQ(rest[0].name, "ff");
}

TEST(RedoRecords, KeepsTheRestOfOneWithoutEndOrTwice) {
    MemoryFileSystem files;
    ASSERT_OK(files.create_directories("redo"));
    ASSERT_OK(files.create_directories("_tmp"));
    RedoRecords records(files, "redo");
    RedoRecord rest = sample();
    rest.made.clear();
    rest.dropped.clear();
    rest.parts.erase(rest.parts.begin());
    ASSERT_OK(records.write(sample()));
    ASSERT_OK(records.write(rest));  // a crash before the whole one was gone
    ASSERT_OK(records.narrow(sample(), rest));
    ASSERT_OK_AND_ASSIGN(const auto left, records.left());
    ASSERT_EQ(left.size(), 1u);
    expect_same(left[0], rest);
    ASSERT_OK(records.remove(rest));
    EXPECT_TRUE(records.left().value().empty());
}

TEST(RedoRecords, NamesAFileThatIsDamaged) {
    MemoryFileSystem files;
    ASSERT_OK(files.create_directories("redo"));
    ASSERT_OK(put_new(files, "redo/ab.redo", as_bytes("BRAIDRED nonsense")));
    const auto left = RedoRecords(files, "redo").left();
    ASSERT_FALSE(left);
    EXPECT_NE(left.error().to_string().find("redo/ab.redo"), std::string::npos);
}

}  // namespace
}  // namespace braid::log
