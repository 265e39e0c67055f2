// SPDX-License-Identifier: Apache-2.0
#include "base/trace.h"

#include <vector>

#include <gtest/gtest.h>

namespace braid {
namespace {

class TraceTest : public testing::Test {
  protected:
    void SetUp() override {
        set_trace_sink([this](TraceLevel, std::string_view component, std::string_view text) {
            lines_.push_back(fmt::format("{}: {}", component, text));
        });
    }
    void TearDown() override {
        set_trace_sink({});
        set_trace_level(TraceLevel::kInfo);
    }
    std::vector<std::string> lines_;
};

TEST_F(TraceTest, FormatsALine) {
    trace(TraceLevel::kInfo, "log", "opened {} extents", 3);
    EXPECT_EQ(lines_, std::vector<std::string>{"log: opened 3 extents"});
}

TEST_F(TraceTest, AHostileValueCannotForgeALine) {
    trace(TraceLevel::kInfo, "log", "name {}", "a\nerror log: broken\x1b[0m\x7f");
    EXPECT_EQ(lines_, std::vector<std::string>{"log: name a\\x0aerror log: broken\\x1b[0m\\x7f"});
}

TEST_F(TraceTest, LeavesOutWhatIsBelowTheLevel) {
    trace(TraceLevel::kDebug, "log", "quiet");
    set_trace_level(TraceLevel::kError);
    trace(TraceLevel::kWarning, "log", "quiet too");
    EXPECT_TRUE(lines_.empty());
}

TEST(Trace, WithoutASinkGoesToStandardErrorAsOneLine) {
    testing::internal::CaptureStderr();
    trace(TraceLevel::kWarning, "log", "cut {} bytes", 5);
    const std::string text = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(text.ends_with("Z warning log: cut 5 bytes\n")) << text;
}

}  // namespace
}  // namespace braid
