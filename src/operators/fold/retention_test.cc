// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/retention.h"

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "columnar/key_codec.h"
#include "columnar/text_io.h"
#include "operators/fold/event_clock.h"
#include "operators/fold/view_folder.h"
#include "plan/function.h"
#include "plan/time_key.h"

namespace braid::operators {
namespace {

using plan::ExprPtr;

const Type kTz = Type::of(TypeKind::kTimestampTz);
const Type kText = Type::of(TypeKind::kText);
const Type kDate = Type::of(TypeKind::kDate);
constexpr int64_t kHourUs = 3'600'000'000;

enum Input : int { kName, kAt, kDay };

Datum value(const std::string& text, const Type& type) {
    return parse_text(text, type, utc_format()).value();
}
/// Unix microseconds.
int64_t unix_us(const std::string& text) { return value(text, kTz).as<int64_t>() - kUnixEpochUs; }
ExprPtr constant(const std::string& text, TypeKind kind) {
    return plan::constant(value(text, Type::of(kind)));
}
ExprPtr time() { return plan::column_ref(kAt, kTz); }
ExprPtr hour() {
    return plan::call(plan::function_by_key("date_bin(interval,timestamptz,timestamptz)"),
                      {constant("1 hour", TypeKind::kInterval), time(),
                       constant("2000-01-01Z", TypeKind::kTimestampTz)});
}
ExprPtr day_in(const std::string& zone) {
    return plan::call(
        plan::function_by_key("date_trunc(text,timestamptz,text)"),
        {plan::constant(Datum::text("day")), time(), plan::constant(Datum::text(zone))});
}

plan::ViewPlanPtr plan_of(std::vector<ExprPtr> keys) {
    auto plan = std::make_shared<plan::ViewPlan>();
    plan->input.fields = {{"name", kText}, {"at", kTz}, {"day", kDate}};
    for (const ExprPtr& key : keys) plan->key_schema.fields.push_back({"k", key->type});
    plan->keys = std::move(keys);
    plan->aggregates = {
        {plan::AggregateKind::kCountRows, {}, nullptr, Type::of(TypeKind::kInt8), -1}};
    return plan;
}

ViewRetentionPtr retention_of(const plan::ViewPlanPtr& plan, int64_t us, int event_time = kAt) {
    EvaluationContext context;
    context.format = utc_format();
    return ViewRetention::create(plan, event_time, us, context).value();
}

std::string key_of(const std::vector<Datum>& values) {
    std::string key;
    for (const Datum& each : values) encode_key(each, key);
    return key;
}

TEST(TimeKey, IsWhatRisesWithTheEventTimeAlone) {
    const ExprPtr name = plan::column_ref(kName, kText);
    EXPECT_EQ(plan::time_key_of(*plan_of({time()}), kAt).value(), 0U);
    EXPECT_EQ(plan::time_key_of(*plan_of({name, hour()}), kAt).value(), 1U);
    EXPECT_EQ(plan::time_key_of(*plan_of({name, day_in("Europe/Berlin")}), kAt).value(), 1U);
    // The zone is not the same for all.
    const ExprPtr by_row = plan::call(plan::function_by_key("date_trunc(text,timestamptz,text)"),
                                      {plan::constant(Datum::text("day")), time(), name});
    for (const auto& keys :
         {std::vector<ExprPtr>{name}, {by_row}, {plan::column_ref(kDay, kDate)}}) {
        const auto key = plan::time_key_of(*plan_of(keys), kAt);
        ASSERT_FALSE(key.has_value());
        EXPECT_EQ(key.error().sqlstate(), "42P17");
        EXPECT_NE(key.error().hint().find("date_bin"), std::string::npos);
    }
    const auto without = plan::time_key_of(*plan_of({time()}), -1);
    ASSERT_FALSE(without.has_value());
    EXPECT_NE(without.error().hint().find("event_time"), std::string::npos);
}

TEST(ViewRetention, KeepsWholeWindowsForAtLeastTheTime) {
    const auto plan = plan_of({plan::column_ref(kName, kText), hour()});
    const auto retention = retention_of(plan, 2 * kHourUs);
    EXPECT_EQ(retention->floor_at(std::nullopt), nullptr);
    const KeyFloorPtr floor = retention->floor_at(unix_us("2026-11-22 12:30Z"));
    ASSERT_NE(floor, nullptr);
    EXPECT_EQ(floor->key(), 1U);
    const auto expired = [&](const Datum& at) {
        const Column column = Column::constant(at, 1);
        const bool by_column = floor->has_expired(column, 0);
        for (const char* name : {"", "a", "zz"}) {
            EXPECT_EQ(floor->has_expired(key_of({Datum::text(name), at})), by_column) << name;
        }
        EXPECT_EQ(floor->has_expired(key_of({Datum::null(kText), at})), by_column);
        return by_column;
    };
    EXPECT_FALSE(expired(value("2026-11-22 10:00Z", kTz))) << "the window of 10:30";
    EXPECT_TRUE(expired(value("2026-11-22 09:00Z", kTz)));
    EXPECT_TRUE(expired(value("1970-01-01 00:00Z", kTz)));
    EXPECT_TRUE(expired(value("-infinity", kTz)));
    EXPECT_FALSE(expired(value("2099-01-01 00:00Z", kTz)));
    EXPECT_FALSE(expired(value("infinity", kTz)));
    EXPECT_FALSE(expired(Datum::null(kTz)));
}

TEST(ViewRetention, TakesTheColumnItselfToTheMicrosecond) {
    const auto plan = plan_of({time()});
    const KeyFloorPtr floor = retention_of(plan, 5)->floor_at(unix_us("2026-11-22 12:00Z"));
    const int64_t at = value("2026-11-22 12:00Z", kTz).as<int64_t>() - 5;
    EXPECT_FALSE(floor->has_expired(key_of({Datum{kTz, at}})));
    EXPECT_TRUE(floor->has_expired(key_of({Datum{kTz, at - 1}})));
}

TEST(ViewRetention, TakesDatesByWholeDays) {
    const auto plan = plan_of({plan::column_ref(kDay, kDate)});
    const auto floor =
        retention_of(plan, 36 * kHourUs, kDay)->floor_at(unix_us("1969-12-31 13:00Z"));
    EXPECT_FALSE(floor->has_expired(key_of({value("1969-12-30", kDate)})));
    EXPECT_TRUE(floor->has_expired(key_of({value("1969-12-29", kDate)})));
    EXPECT_FALSE(floor->has_expired(key_of({Datum::null(kDate)})));
}

TEST(ViewRetention, NothingExpiresBeforeTimesBegin) {
    const auto plan = plan_of({hour()});
    EXPECT_EQ(retention_of(plan, INT64_MAX)->floor_at(unix_us("2026-11-22 12:30Z")), nullptr);
    EXPECT_EQ(retention_of(plan, INT64_MAX)->floor_at(INT64_MIN), nullptr);
}

/// Times as columns, with NULL for "".
DecodedSlice slice_of(const std::vector<std::string>& times, const std::string& ingested_at) {
    DecodedSlice slice;
    slice.batch.length = times.size();
    ColumnBuilder builder(kTz, times.size());
    for (uint32_t row = 0; row < times.size(); ++row) {
        slice.good.push_back(row);
        if (times[row].empty()) {
            builder.append_null();
        } else {
            builder.append(value(times[row], kTz));
        }
    }
    slice.batch.columns.resize(3);
    slice.batch.columns[kAt] = builder.finish();
    slice.batch.columns.resize(3 + kRecordColumnCount);
    slice.batch.columns[3 + 2] = Column::constant(value(ingested_at, kTz), times.size());
    return slice;
}

std::optional<int64_t> clock_after(const std::vector<std::string>& times,
                                   const std::string& event_time = "at") {
    EventClock clock(plan_of({})->input, event_time);
    clock.note(slice_of(times, "2026-11-22 12:00Z"));
    return clock.time_us();
}

TEST(EventClock, ADayAheadIsTheMost) {
    EXPECT_EQ(clock_after({}), std::nullopt);
    EXPECT_EQ(clock_after({""}), std::nullopt);
    EXPECT_EQ(clock_after({"1969-05-01Z", "", "1970-01-01Z"}), 0);
    EXPECT_EQ(clock_after({"2026-11-23 12:00:00Z"}), unix_us("2026-11-23 12:00:00Z"));
    EXPECT_EQ(clock_after({"2026-11-23 12:00:00.000001Z"}), std::nullopt);
    EXPECT_EQ(clock_after({"2026-11-22 11:00Z", "2099-01-01Z", "infinity", "-infinity"}),
              unix_us("2026-11-22 11:00Z"));
    EXPECT_EQ(clock_after({"2099-01-01Z"}, ""), unix_us("2026-11-22 12:00Z"))
        << "without an event time it is when records came";
}

TEST(EventClock, BadRecordsMoveNothing) {
    DecodedSlice slice = slice_of({"2026-11-22 11:00Z", "2026-11-22 11:30Z"}, "2026-11-22 12:00Z");
    slice.good = {0};
    slice.bad = {{1, "bad"}};
    EventClock clock(plan_of({})->input, "at");
    clock.note(slice);
    EXPECT_EQ(clock.time_us(), unix_us("2026-11-22 11:00Z"));
}

TEST(ViewFolder, CountsWhatHasExpiredAndFoldsTheRest) {
    BoundView view;
    view.plan = plan_of({hour()});
    view.context.format = utc_format();
    BoundView other = view;
    view.retention = retention_of(view.plan, kHourUs);
    const auto folder = ViewFolder::create({view, other}).value();
    const DecodedSlice slice = slice_of(
        {"2026-11-22 09:59:59Z", "2026-11-22 10:00Z", "", "2026-11-22 11:30Z", "1970-01-01Z"},
        "2026-11-22 12:00Z");
    GroupTable table(view.plan->aggregates);
    GroupTable whole(view.plan->aggregates);
    FoldAccount account;
    FoldAccount all;
    const KeyFloorPtr floor = view.floor_at(unix_us("2026-11-22 11:30Z"));
    const std::vector<FoldTarget> targets = {
        {.table = &table, .account = &account, .floor = floor.get()},
        {.table = &whole, .account = &all}};
    folder->fold(slice, targets);
    EXPECT_EQ(account, (FoldAccount{.counted = 3, .expired = 2}));
    EXPECT_EQ(table.size(), 3U);
    EXPECT_EQ(all, (FoldAccount{.counted = 5})) << "the other view keeps all";
    EXPECT_EQ(whole.size(), 5U);
}

TEST(DecodedSlice, PartsAreSlicesOfTheirOwn) {
    DecodedSlice slice = slice_of({"1970-01-01Z", "1970-01-02Z", "1970-01-03Z"}, "2026-11-22Z");
    slice.partition = {4};
    slice.offsets = Offsets::of({10, 20, 21});
    slice.good = {0, 2};
    slice.bad = {{1, "why"}};
    EXPECT_EQ(first_row_at(slice, {10}, 0), 0U);
    EXPECT_EQ(first_row_at(slice, {11}, 0), 1U);
    EXPECT_EQ(first_row_at(slice, {20}, 1), 1U);
    EXPECT_EQ(first_row_at(slice, {22}, 1), 3U);
    const DecodedSlice part = part_of(slice, 1, 3);
    EXPECT_EQ(part.partition, PartitionId{4});
    EXPECT_EQ(part.batch.length, 2U);
    EXPECT_EQ(part.offsets[0], Offset{20});
    EXPECT_EQ(part.offsets[1], Offset{21});
    EXPECT_EQ(part.good, std::vector<uint32_t>{1});
    ASSERT_EQ(part.bad.size(), 1U);
    EXPECT_EQ(part.bad[0].row, 0U);
    EXPECT_EQ(part.batch.columns[kAt].at<int64_t>(1), value("1970-01-03Z", kTz).as<int64_t>());
    EXPECT_EQ(part.batch.columns[kName].length(), 0U) << "not wanted";
}

}  // namespace
}  // namespace braid::operators
