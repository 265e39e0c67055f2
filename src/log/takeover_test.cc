// SPDX-License-Identifier: Apache-2.0
#include "log/takeover.h"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/test_support.h"
#include "model/older_manifest.h"

namespace braid::log {
namespace {

using Names = std::vector<std::string>;
const LogId kOne{"0123456789abcdef0123456789abcdef"};
const LogId kOther{"ff"};

TakeoverRecord sample() {
    TakeoverRecord record;
    record.epoch = 300;
    record.logs[kOne.hex] = {300, {"00000000000000000042-300-0.extent", ""}};
    record.logs[kOther.hex] = {7, {}};
    return record;
}

class TakeoverTest : public testing::Test {
  protected:
    void SetUp() override { ASSERT_OK(files_.create_directories("log")); }
    std::unique_ptr<Takeover> begin(uint64_t epoch) {
        auto takeover = Takeover::begin(files_, "log", epoch);
        EXPECT_OK(takeover);
        return *std::move(takeover);
    }
    Names names() { return files_.list("log").value(); }

    MemoryFileSystem files_;
};

TEST(TakeoverRecord, ReadsWhatItWrites) {
    ASSERT_OK_AND_ASSIGN(const TakeoverRecord found, decode_takeover_record(encode(sample())));
    EXPECT_EQ(found.epoch, 300U);
    ASSERT_EQ(found.logs.size(), 2U);
    EXPECT_EQ(found.logs.at(kOne.hex).newest, (Names{"00000000000000000042-300-0.extent", ""}));
    EXPECT_EQ(found.logs.at(kOther.hex).epoch, 7U);
}

TEST(TakeoverRecord, OpensTheSample) {
    std::ifstream file("docs/formats/samples/takeover/takeover-300-0", std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    ASSERT_OK_AND_ASSIGN(const TakeoverRecord found, decode_takeover_record(bytes));
    EXPECT_EQ(encode(found), encode(sample()));
}

TEST(TakeoverRecord, RefusesAnyByteThatHasChanged) {
    const std::string whole = encode(sample());
    for (size_t i = 0; i < whole.size(); ++i) {
        std::string bytes = whole;
        bytes[i] = static_cast<char>(bytes[i] ^ 0x10);
        EXPECT_FALSE(decode_takeover_record(bytes)) << i;
        EXPECT_FALSE(decode_takeover_record(whole.substr(0, i))) << i;
    }
    EXPECT_FALSE(decode_takeover_record(whole + "x"));
}

TEST_F(TakeoverTest, TellsTheNextStartWhatThisOneFound) {
    const auto first = begin(1);
    EXPECT_EQ(first->decided(), 0U);
    EXPECT_EQ(first->found(kOne).epoch, 0U);
    ASSERT_OK(first->note(kOne, {"a", "b"}));
    EXPECT_TRUE(names().empty()) << "nothing is decided yet";
    ASSERT_OK(first->finish({}));
    const auto second = begin(2);
    EXPECT_EQ(second->decided(), 1U);
    EXPECT_EQ(second->found(kOne).epoch, 1U);
    EXPECT_EQ(second->found(kOne).newest, (Names{"a", "b"}));
    ASSERT_OK(second->finish({}));
    EXPECT_EQ(names(), Names{"takeover-2-0"}) << "the one before is gone";
}

TEST_F(TakeoverTest, KeepsWhatWasFoundOfALogThatCannotBeOpenedNow) {
    const auto first = begin(1);
    ASSERT_OK(first->note(kOne, {"a"}));
    ASSERT_OK(first->note(kOther, {"b"}));
    ASSERT_OK(first->finish({}));
    ASSERT_OK(begin(2)->finish({kOne}));
    const auto third = begin(3);
    EXPECT_EQ(third->decided(), 2U);
    EXPECT_EQ(third->found(kOne).epoch, 1U);
    EXPECT_EQ(third->found(kOther).epoch, 0U) << "it is no more";
}

TEST_F(TakeoverTest, ALogThatIsOpenedLaterIsNotedAtOnce) {
    const auto first = begin(1);
    ASSERT_OK(first->finish({}));
    ASSERT_OK(first->note(kOne, {"a"}));
    files_.crash(CrashFate::kDropUnsynced, 1);
    EXPECT_EQ(begin(2)->found(kOne).newest, Names{"a"});
}

TEST_F(TakeoverTest, OneThatComesTooLateIsNotHeard) {
    const auto first = begin(1);
    const auto second = begin(2);
    ASSERT_OK(second->note(kOne, {"b"}));
    ASSERT_OK(second->finish({}));
    ASSERT_OK(first->note(kOne, {"a"}));
    ASSERT_OK(first->finish({}));
    const auto third = begin(3);
    EXPECT_EQ(third->decided(), 2U);
    EXPECT_EQ(third->found(kOne).newest, Names{"b"});
}

TEST_F(TakeoverTest, RefusesWhatIsDamagedOrNewerThanTheManifest) {
    ASSERT_OK(begin(5)->finish({}));
    const auto older = Takeover::begin(files_, "log", 5);
    ASSERT_ERROR(older, ErrorCode::kCorrupt);
    EXPECT_EQ(older.error().sqlstate(), kOlderManifest);
    ASSERT_OK(put_new(files_, "log/takeover-6-0", as_bytes(encode(sample()) + "x")));
    const auto damaged = Takeover::begin(files_, "log", 7);
    ASSERT_ERROR(damaged, ErrorCode::kCorrupt);
    EXPECT_NE(damaged.error().to_string().find("log/takeover-6-0"), std::string::npos);
}

}  // namespace
}  // namespace braid::log
