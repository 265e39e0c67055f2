// SPDX-License-Identifier: Apache-2.0
// The laws of ⊕ for every aggregate and type, and their results against a slow reference.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/test_support.h"
#include "columnar/numeric.h"
#include "operators/aggregate/group_table.h"
#include "operators/aggregate/state_finisher.h"
#include "operators/aggregate/state_merge.h"

namespace braid::operators {
namespace {

using plan::Aggregate;
using plan::AggregateKind;

struct Subject {
    std::string name;
    AggregateKind kind;
    Type argument;
    Type result;
};

std::vector<Subject> all_subjects() {
    const auto of = [](TypeKind kind) { return Type::of(kind); };
    const Type int8 = of(TypeKind::kInt8);
    const Type numeric = of(TypeKind::kNumeric);
    std::vector<Subject> out = {
        {"count_rows", AggregateKind::kCountRows, {}, int8},
        {"count", AggregateKind::kCount, int8, int8},
        {"sum_int4", AggregateKind::kSum, of(TypeKind::kInt4), int8},
        {"sum_int8", AggregateKind::kSum, int8, numeric},
        {"sum_numeric", AggregateKind::kSum, numeric, numeric},
        {"sum_float8", AggregateKind::kSum, of(TypeKind::kFloat8), of(TypeKind::kFloat8)},
        {"avg_int4", AggregateKind::kAvg, of(TypeKind::kInt4), numeric},
        {"avg_int8", AggregateKind::kAvg, int8, numeric},
        {"avg_numeric", AggregateKind::kAvg, numeric, numeric},
        {"avg_float8", AggregateKind::kAvg, of(TypeKind::kFloat8), of(TypeKind::kFloat8)},
        {"bool_and", AggregateKind::kBoolAnd, of(TypeKind::kBool), of(TypeKind::kBool)},
        {"bool_or", AggregateKind::kBoolOr, of(TypeKind::kBool), of(TypeKind::kBool)},
    };
    for (const TypeKind kind :
         {TypeKind::kBool, TypeKind::kInt4, TypeKind::kInt8, TypeKind::kNumeric, TypeKind::kFloat8,
          TypeKind::kText, TypeKind::kDate, TypeKind::kTimestamp, TypeKind::kTimestampTz,
          TypeKind::kInterval}) {
        std::string type = of(kind).name();
        std::erase(type, ' ');
        out.push_back({"min_" + type, AggregateKind::kMin, of(kind), of(kind)});
        out.push_back({"max_" + type, AggregateKind::kMax, of(kind), of(kind)});
        out.push_back({"count_distinct_" + type, AggregateKind::kCountDistinct, of(kind), int8});
        out.push_back({"mode_" + type, AggregateKind::kMode, of(kind), of(kind)});
    }
    return out;
}

Aggregate aggregate_of(const Subject& subject) {
    Aggregate aggregate;
    aggregate.kind = subject.kind;
    if (subject.kind != AggregateKind::kCountRows) {
        aggregate.arguments = {plan::column_ref(0, subject.argument)};
    }
    aggregate.result_type = subject.result;
    return aggregate;
}

class Values {
  public:
    explicit Values(uint64_t seed) : random_(seed) {}

    uint64_t below(uint64_t bound) { return random_.below(bound); }

    Datum::Value of(TypeKind kind) {
        switch (kind) {
            case TypeKind::kBool:
                return random_.below(2) == 1;
            case TypeKind::kInt4:
            case TypeKind::kDate:
                return static_cast<int32_t>(integer());
            case TypeKind::kInt8:
            case TypeKind::kTimestamp:
            case TypeKind::kTimestampTz:
                return integer();
            case TypeKind::kNumeric:
                return numeric();
            case TypeKind::kFloat8:
                return float8();
            case TypeKind::kInterval:
                return interval();
            default:
                return text();
        }
    }

  private:
    int64_t integer() {
        switch (random_.below(8)) {
            case 0:
                return INT64_MAX;
            case 1:
                return INT64_MIN;
            case 2:
                return static_cast<int64_t>(random_.next());
            default:
                return static_cast<int64_t>(random_.below(20)) - 10;
        }
    }
    Numeric numeric() {
        switch (random_.below(40)) {
            case 0:
                return Numeric::nan();
            case 1:
                return {0, 0, Numeric::Kind::kInfinity};
            case 2:
                return {0, 0, Numeric::Kind::kNegativeInfinity};
            default:
                break;
        }
        Numeric value;
        value.scale = static_cast<int16_t>(random_.below(4));
        value.unscaled = static_cast<int64_t>(random_.below(2000)) - 1000;
        if (random_.below(8) == 0) value.unscaled *= int128{1'000'000'000'000'000};
        return value;
    }
    double float8() {
        switch (random_.below(60)) {
            case 0:
                return std::numeric_limits<double>::quiet_NaN();
            case 1:
                return -std::numeric_limits<double>::quiet_NaN();
            case 2:
                return std::numeric_limits<double>::infinity();
            case 3:
                return -std::numeric_limits<double>::infinity();
            case 4:
                return -0.0;
            case 5:
                return 0.0;
            case 6:
                return std::ldexp(1.0, static_cast<int>(random_.below(2000)) - 1070);
            case 7:
                return -std::ldexp(1.5, static_cast<int>(random_.below(2000)) - 1070);
            case 8:
                return std::numeric_limits<double>::denorm_min();
            default:
                return (static_cast<double>(random_.below(2'000'000)) - 1e6) / 7;
        }
    }
    Interval64 interval() {
        return {static_cast<int64_t>(random_.below(3)) * 86'400'000'000,
                static_cast<int32_t>(random_.below(61)), static_cast<int32_t>(random_.below(3))};
    }
    std::string text() {
        static const char* const kAlphabet[] = {"a", "b", "é", "\x7f", "\x01", "zz"};
        std::string out;
        const uint64_t length = random_.below(10) == 0 ? random_.below(60) : random_.below(4);
        for (uint64_t i = 0; i < length; ++i) out += kAlphabet[random_.below(std::size(kAlphabet))];
        if (random_.below(300) == 0) out.append(70'000, 'x');
        return out;
    }

    Random random_;
};

struct Rows {
    std::vector<Datum> keys;
    std::vector<Datum> arguments;
    std::vector<Datum> filters;
    size_t size() const { return keys.size(); }
};

Rows make_rows(const Subject& subject, Values& values, size_t count) {
    Rows rows;
    for (size_t i = 0; i < count; ++i) {
        rows.keys.push_back(values.below(20) == 0 ? Datum::null(Type::of(TypeKind::kText))
                                                  : Datum::text(std::to_string(values.below(7))));
        const bool is_null = values.below(5) == 0;
        rows.arguments.push_back(is_null
                                     ? Datum::null(subject.argument)
                                     : Datum{subject.argument, values.of(subject.argument.kind)});
        const uint64_t filter = values.below(5);
        rows.filters.push_back(filter == 0 ? Datum::null(Type::of(TypeKind::kBool))
                                           : Datum::boolean(filter != 1));
    }
    return rows;
}

Column column_of(const Type& type, const std::vector<Datum>& values, std::span<const size_t> rows) {
    ColumnBuilder builder(type);
    for (const size_t row : rows) builder.append(values[row]);
    return builder.finish();
}

/// The same values behind codes.
Column as_dictionary(const Column& column) {
    std::vector<int32_t> codes;
    for (size_t i = 0; i < column.length(); ++i) {
        codes.push_back(column.is_null(i) ? -1 : static_cast<int32_t>(i));
    }
    return Column::dictionary(column, codes);
}

class Subjects : public testing::TestWithParam<Subject> {
  protected:
    const Subject& subject() const { return GetParam(); }
    bool has_argument() const { return subject().kind != AggregateKind::kCountRows; }

    GroupTable empty() const {
        // A count beside it proves that states lie apart.
        Aggregate rows;
        rows.result_type = Type::of(TypeKind::kInt8);
        return GroupTable({aggregate_of(subject()), rows});
    }
    void fold(GroupTable& table, const Rows& rows, std::span<const size_t> which, bool filtered) {
        const std::vector<Column> keys = {column_of(Type::of(TypeKind::kText), rows.keys, which)};
        std::vector<uint32_t> all(which.size());
        std::iota(all.begin(), all.end(), 0U);
        EncodedKeys encoded;
        encode_keys(keys, all, encoded);
        AggregateInput input;
        if (has_argument()) {
            const Column argument = column_of(subject().argument, rows.arguments, which);
            input.arguments = {which.size() % 3 == 0 ? as_dictionary(argument) : argument};
        }
        if (filtered) input.filter = column_of(Type::of(TypeKind::kBool), rows.filters, which);
        table.fold(encoded, std::vector<AggregateInput>{input, {}});
    }
    GroupTable folded(const Rows& rows, std::span<const size_t> which, bool filtered) {
        GroupTable table = empty();
        fold(table, rows, which, filtered);
        return table;
    }
};

/// States by section, key and subkey.
using Snapshot = std::map<std::tuple<uint32_t, std::string, std::string>, std::string>;

Snapshot snapshot(const GroupTable& table) {
    Snapshot out;
    std::tuple<uint32_t, std::string, std::string> last;
    EXPECT_OK(table.visit_rows([&](uint32_t section, const StateRow& row) -> Result<void> {
        std::tuple place(section, std::string(row.key), std::string(row.subkey));
        EXPECT_TRUE(out.empty() || last < place) << "rows come in order, each once";
        last = place;
        out.emplace(std::move(place), row.state);
        return {};
    }));
    for (GroupTable::Group group = 0; group < table.size(); ++group) {
        if (plan::subkey_sections(table.aggregates()) == 0) break;
        const auto is_of_group = [&](const auto& row) {
            return std::get<0>(row.first) == 1 && std::get<1>(row.first) == table.key_of(group);
        };
        EXPECT_EQ(static_cast<size_t>(std::ranges::count_if(out, is_of_group)),
                  table.subkey_count(1, group));
    }
    return out;
}

std::vector<size_t> in_order(size_t count) {
    std::vector<size_t> rows(count);
    std::iota(rows.begin(), rows.end(), size_t{0});
    return rows;
}

void shuffle(std::vector<size_t>& rows, Values& values) {
    for (size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[values.below(i)]);
}

std::string name_of(const testing::TestParamInfo<Subject>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Every, Subjects, testing::ValuesIn(all_subjects()), name_of);

TEST_P(Subjects, FoldInAnyOrderAndAnyPiecesGivesTheSameBytes) {
    for (uint64_t seed = 1; seed <= 30; ++seed) {
        Values values(seed);
        const Rows rows = make_rows(subject(), values, 1 + values.below(400));
        const bool filtered = seed % 2 == 0;
        std::vector<size_t> order = in_order(rows.size());
        const Snapshot whole = snapshot(folded(rows, order, filtered));
        shuffle(order, values);
        // Random pieces, merged pairwise in random order until one is left.
        std::vector<GroupTable> pieces;
        for (size_t from = 0; from < order.size();) {
            const size_t size = std::min<size_t>(order.size() - from, 1 + values.below(90));
            pieces.push_back(folded(rows, std::span(order).subspan(from, size), filtered));
            from += size;
        }
        while (pieces.size() > 1) {
            const size_t into = values.below(pieces.size() - 1);
            pieces[into].merge(pieces.back());
            pieces.pop_back();
        }
        ASSERT_EQ(snapshot(pieces[0]), whole) << "seed " << seed;
    }
}

TEST_P(Subjects, MergingIsCommutativeAndEmptyIsNeutral) {
    for (uint64_t seed = 1; seed <= 30; ++seed) {
        Values values(seed);
        const Rows rows = make_rows(subject(), values, 200);
        const std::vector<size_t> order = in_order(rows.size());
        const auto left = std::span(order).first(values.below(200));
        const auto right = std::span(order).subspan(left.size());
        GroupTable forward = folded(rows, left, false);
        forward.merge(folded(rows, right, false));
        GroupTable backward = folded(rows, right, false);
        backward.merge(folded(rows, left, false));
        ASSERT_EQ(snapshot(forward), snapshot(backward));
        const Snapshot before = snapshot(forward);
        forward.merge(empty());
        ASSERT_EQ(snapshot(forward), before);
        GroupTable copy = empty();
        copy.merge(forward);
        ASSERT_EQ(snapshot(copy), before);
    }
}

TEST_P(Subjects, EncodedStatesMergeLikeTables) {
    for (uint64_t seed = 1; seed <= 30; ++seed) {
        Values values(seed);
        const Rows rows = make_rows(subject(), values, 300);
        const std::vector<size_t> order = in_order(rows.size());
        GroupTable target = folded(rows, std::span(order).first(100), false);
        for (const size_t from : {100, 200}) {
            const GroupTable run = folded(rows, std::span(order).subspan(from, 100), false);
            ASSERT_OK(run.visit_rows([&](uint32_t section, const StateRow& row) {
                return target.merge_row(section, row);
            }));
        }
        ASSERT_EQ(snapshot(target), snapshot(folded(rows, order, false))) << "seed " << seed;
    }
}

TEST_P(Subjects, FinishOfTheEncodedStateIsFinishOfTheGroup) {
    Values values(7);
    const Rows rows = make_rows(subject(), values, 300);
    const GroupTable table = folded(rows, in_order(rows.size()), true);
    const std::vector<GroupTable::Group> groups = table.sorted_groups();
    StateFinisher finisher(table.aggregates(), {true, false});
    for (const GroupTable::Group group : groups) {
        ASSERT_OK(table.visit_rows_of({&group, 1}, [&](uint32_t section, const StateRow& row) {
            return finisher.add(section, row);
        }));
    }
    const std::vector<Evaluated> finished = finisher.take();
    EXPECT_EQ(finished[1].column.length(), 0U) << "nobody asked for it";
    const Evaluated expected = table.finish(0, groups);
    ASSERT_EQ(finished[0].column.length(), groups.size());
    const auto rows_of = [](const std::vector<RowError>& errors) {
        std::vector<uint32_t> failed;
        for (const RowError& error : errors) failed.push_back(error.row);
        return failed;
    };
    EXPECT_EQ(rows_of(finished[0].errors), rows_of(expected.errors));
    std::string left;
    std::string right;
    for (size_t row = 0; row < groups.size(); ++row) {
        encode_key_value(finished[0].column, row, left);
        encode_key_value(expected.column, row, right);
    }
    EXPECT_EQ(left, right);
    EXPECT_EQ(finisher.take()[0].column.length(), 0U);
}

TEST_P(Subjects, StateMergeIsMergingWithoutATable) {
    for (uint64_t seed = 1; seed <= 30; ++seed) {
        Values values(seed);
        const Rows rows = make_rows(subject(), values, 300);
        const std::vector<size_t> order = in_order(rows.size());
        std::map<Snapshot::key_type, std::vector<std::string>> pieces;
        for (const size_t from : {0, 100, 200}) {
            const auto some = std::span(order).subspan(from, 100);
            for (const auto& [place, state] : snapshot(folded(rows, some, seed % 2 == 0))) {
                pieces[place].push_back(state);
            }
        }
        const GroupTable whole = folded(rows, order, seed % 2 == 0);
        Snapshot merged;
        std::map<uint32_t, StateMerge> merges;
        for (const auto& [place, states] : pieces) {
            const uint32_t section = std::get<0>(place);
            StateMerge& merge =
                merges.try_emplace(section, whole.aggregates(), section).first->second;
            merge.start(states[0]);
            for (size_t next = 1; next < states.size(); ++next) ASSERT_OK(merge.add(states[next]));
            merged[place] = merge.sum();
        }
        ASSERT_EQ(merged, snapshot(whole)) << "seed " << seed;
    }
}

TEST_P(Subjects, TruncatedStatesAreCorrupt) {
    Values values(3);
    const Rows rows = make_rows(subject(), values, 100);
    const GroupTable table = folded(rows, in_order(rows.size()), false);
    std::string state;
    table.encode_state(0, state);
    for (size_t size = 0; size < state.size(); ++size) {
        GroupTable target = empty();
        EXPECT_ERROR(target.merge_row(0, {"k", {}, state.substr(0, size)}), ErrorCode::kCorrupt);
    }
    GroupTable target = empty();
    EXPECT_ERROR(target.merge_row(0, {"k", {}, state + "x"}), ErrorCode::kCorrupt);
}

// ---- Against a reference that knows nothing of states ----

/// SQL's order, then a tie-break: what min and max must give.
bool less(const Datum& left, const Datum& right) {
    std::string a;
    std::string b;
    encode_key(left, a);
    encode_key(right, b);
    if (a != b) return a < b;
    if (left.type.kind == TypeKind::kFloat8) {
        return std::signbit(left.as<double>()) && !std::signbit(right.as<double>());
    }
    if (left.type.kind == TypeKind::kInterval) {
        const auto& x = left.as<Interval64>();
        const auto& y = right.as<Interval64>();
        return std::pair(x.months, x.days) < std::pair(y.months, y.days);
    }
    return false;
}

Datum extreme(const std::vector<Datum>& values, bool is_max) {
    Datum best = values[0];
    for (const Datum& value : values) {
        if (is_max ? less(best, value) : less(value, best)) best = value;
        if (value.type.kind != TypeKind::kNumeric || less(value, best) || less(best, value))
            continue;
        if (value.as<Numeric>().scale < best.as<Numeric>().scale) best = value;
    }
    return best;
}

/// Shewchuk's expansions: an exact sum as non-overlapping doubles, by an algorithm unlike ours.
/// Finite values without overflow only.
class Expansion {
  public:
    void add(double x) {
        std::vector<double> parts;
        for (double y : parts_) {
            if (std::abs(x) < std::abs(y)) std::swap(x, y);
            const double high = x + y;
            const double low = y - (high - x);
            if (low != 0) parts.push_back(low);
            x = high;
        }
        parts.push_back(x);
        parts_ = parts;
    }
    double rounded() const {
        size_t n = parts_.size();
        if (n == 0) return 0;
        double high = parts_[--n];
        double low = 0;
        while (n > 0) {
            const double x = high;
            const double y = parts_[--n];
            high = x + y;
            low = y - (high - x);
            if (low != 0) break;
        }
        const bool same_sign =
            n > 0 && ((low < 0 && parts_[n - 1] < 0) || (low > 0 && parts_[n - 1] > 0));
        if (same_sign && (high + low * 2) - high == low * 2) high += low * 2;
        return high;
    }

  private:
    std::vector<double> parts_;
};

Datum sum_of_doubles(const std::vector<Datum>& values) {
    Expansion exact;
    double special = 0;
    bool all_negative_zero = true;
    for (const Datum& value : values) {
        const auto x = value.as<double>();
        all_negative_zero &= x == 0 && std::signbit(x);
        if (std::isfinite(x)) {
            exact.add(x);
        } else {
            special += x;
        }
    }
    if (special != 0) return Datum::float8(special);
    if (all_negative_zero) return Datum::float8(-0.0);
    return Datum::float8(exact.rounded());
}

Result<Numeric> sum_of_numerics(const std::vector<Datum>& values) {
    Numeric sum;
    for (const Datum& value : values) {
        Numeric next;
        switch (value.type.kind) {
            case TypeKind::kInt4:
                next.unscaled = value.as<int32_t>();
                break;
            case TypeKind::kInt8:
                next.unscaled = value.as<int64_t>();
                break;
            default:
                next = value.as<Numeric>();
        }
        sum = TRY(braid::add(sum, next));
    }
    return sum;
}

Result<Datum> reference(const Subject& subject, const std::vector<Datum>& values) {
    switch (subject.kind) {
        case AggregateKind::kCountRows:
        case AggregateKind::kCount:
            return Datum::int8(static_cast<int64_t>(values.size()));
        case AggregateKind::kCountDistinct: {
            std::set<std::string> set;
            for (const Datum& value : values) {
                std::string key;
                encode_key(value, key);
                set.insert(key);
            }
            return Datum::int8(static_cast<int64_t>(set.size()));
        }
        default:
            break;
    }
    if (values.empty()) return Datum::null(subject.result);
    const auto is = [](bool wanted) {
        return [wanted](const Datum& v) { return v.as<bool>() == wanted; };
    };
    switch (subject.kind) {
        case AggregateKind::kMin:
            return extreme(values, false);
        case AggregateKind::kMax:
            return extreme(values, true);
        case AggregateKind::kMode: {
            std::map<std::string, std::vector<Datum>> by_value;
            for (const Datum& value : values) {
                std::string key;
                encode_key(value, key);
                by_value[key].push_back(value);
            }
            const auto most = std::ranges::max_element(
                by_value, {}, [](const auto& each) { return each.second.size(); });
            return extreme(most->second, false);
        }
        case AggregateKind::kBoolAnd:
            return Datum::boolean(std::all_of(values.begin(), values.end(), is(true)));
        case AggregateKind::kBoolOr:
            return Datum::boolean(std::any_of(values.begin(), values.end(), is(true)));
        default:
            break;
    }
    if (subject.argument.kind == TypeKind::kFloat8) return sum_of_doubles(values);
    const Numeric sum = TRY(sum_of_numerics(values));
    const bool is_average = subject.kind == AggregateKind::kAvg;
    const auto count = Numeric::from_int(static_cast<int64_t>(values.size()));
    if (is_average) return Datum{subject.result, TRY(divide(sum, count))};
    if (subject.result.kind == TypeKind::kInt8) return Datum::int8(TRY(to_int8(sum)));
    return Datum{subject.result, sum};
}

bool same(const Datum& left, const Datum& right) {
    if (left.is_null() || right.is_null()) return left.is_null() == right.is_null();
    if (left.type.kind == TypeKind::kNumeric) {
        const auto& x = left.as<Numeric>();
        const auto& y = right.as<Numeric>();
        return x.kind == y.kind &&
               (!x.is_finite() || (x.unscaled == y.unscaled && x.scale == y.scale));
    }
    if (left.type.kind == TypeKind::kFloat8) {
        const auto x = left.as<double>();
        const auto y = right.as<double>();
        return (std::isnan(x) && std::isnan(y)) || (x == y && std::signbit(x) == std::signbit(y));
    }
    if (left.type.kind == TypeKind::kInterval)
        return left.as<Interval64>() == right.as<Interval64>();
    std::string a;
    std::string b;
    encode_key(left, a);
    encode_key(right, b);
    return a == b;
}

TEST_P(Subjects, FinishEqualsTheReference) {
    // Averages of doubles have a test of their own (exact_float_sum_test.cc).
    if (subject().kind == AggregateKind::kAvg && subject().argument.kind == TypeKind::kFloat8)
        return;
    int compared = 0;
    for (uint64_t seed = 100; seed < 160; ++seed) {
        Values values(seed);
        const Rows rows = make_rows(subject(), values, 1 + values.below(60));
        const bool filtered = seed % 2 == 0;
        const GroupTable table = folded(rows, in_order(rows.size()), filtered);
        for (GroupTable::Group group = 0; group < table.size(); ++group) {
            std::vector<Datum> members;
            for (size_t i = 0; i < rows.size(); ++i) {
                std::string key;
                encode_key(rows.keys[i], key);
                if (key != table.key_of(group)) continue;
                if (filtered && (rows.filters[i].is_null() || !rows.filters[i].as<bool>()))
                    continue;
                if (has_argument() && rows.arguments[i].is_null()) continue;
                members.push_back(rows.arguments[i]);
            }
            const Result<Datum> expected = reference(subject(), members);
            const Result<Column> column = column_of(table.finish(0, {&group, 1}));
            ASSERT_EQ(column.has_value(), expected.has_value());
            if (!expected) {
                EXPECT_ERROR(column, ErrorCode::kInvalidInput, "22003");
                continue;
            }
            ++compared;
            ASSERT_TRUE(same(column->datum(0), *expected)) << "seed " << seed << " group " << group;
        }
    }
    EXPECT_GT(compared, 50);
}

}  // namespace
}  // namespace braid::operators
