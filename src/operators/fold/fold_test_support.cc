// SPDX-License-Identifier: Apache-2.0
#include "operators/fold/fold_test_support.h"

#include "base/check.h"
#include "columnar/text_io.h"
#include "plan/function.h"

namespace braid::operators {

namespace {

const Type kText = Type::of(TypeKind::kText);
const Type kInt8 = Type::of(TypeKind::kInt8);
const Type kNumeric = Type::of(TypeKind::kNumeric);

plan::Aggregate aggregate(plan::AggregateKind kind, plan::ExprPtr argument, Type result) {
    plan::Aggregate made;
    made.kind = kind;
    if (argument) made.arguments.push_back(std::move(argument));
    made.result_type = result;
    return made;
}

}  // namespace

Schema test_stream_columns() { return {{{"k", kText}, {"n", kInt8}}}; }

BoundView test_bound_view(VersionId version, TableId table) {
    using plan::AggregateKind;
    auto view = std::make_shared<plan::ViewPlan>();
    view->version = version;
    view->table = table;
    view->input = test_stream_columns();
    for (const Field& each : plan::system_columns().fields) view->input.fields.push_back(each);
    const plan::ExprPtr k = plan::column_ref(0, kText);
    const plan::ExprPtr n = plan::column_ref(1, kInt8);
    view->filter =
        plan::call(plan::function_by_key(">=(int8,int8)"), {n, plan::constant(Datum::int8(0))});
    view->keys = {k};
    view->key_schema = {{{"k", kText}}};
    view->aggregates = {aggregate(AggregateKind::kCountRows, nullptr, kInt8),
                        aggregate(AggregateKind::kSum, n, kNumeric),
                        aggregate(AggregateKind::kCountDistinct, n, kInt8)};
    view->outputs = {{"k", plan::column_ref(0, kText)},
                     {"count", plan::column_ref(1, kInt8)},
                     {"sum", plan::column_ref(2, kNumeric)},
                     {"different", plan::column_ref(3, kInt8)}};
    view->exactness.assign(view->outputs.size(), plan::Exactness::kExact);
    return {view, {}};
}

Result<BoundView> TestViews::view_of(VersionId version) { return test_bound_view(version, {}); }

std::vector<std::string> lines_of(const GroupTable& table) {
    const std::vector<GroupTable::Group> groups = table.sorted_groups();
    Result<std::vector<Column>> columns =
        decode_keys(table, groups, test_bound_view({}, {}).plan->key_schema);
    CHECK(columns.has_value());
    for (int index = 0; index < static_cast<int>(table.aggregates().size()); ++index) {
        Result<Column> finished = column_of(table.finish(index, groups));
        CHECK(finished.has_value());
        columns->push_back(*std::move(finished));
    }
    std::vector<std::string> lines(groups.size());
    for (size_t row = 0; row < groups.size(); ++row) {
        for (const Column& column : *columns) {
            if (!lines[row].empty()) lines[row] += ' ';
            format_text(column, row, utc_format(), lines[row]);
        }
    }
    return lines;
}

TestFold fold_records(const std::vector<std::string>& records) {
    const BoundView view = test_bound_view({}, {});
    TestFold fold{GroupTable(view.plan->aggregates), {}};
    if (records.empty()) return fold;
    auto folder = ViewFolder::create({view});
    auto decoder = make_decoder({"json", test_stream_columns(), {}});
    CHECK(folder.has_value() && decoder.has_value());
    const std::vector<std::string_view> views(records.begin(), records.end());
    RecordSlice slice;
    slice.records = views;
    DecodedSlice decoded;
    (*decoder)->decode(slice, (*folder)->wanted(view.plan->input.fields.size()), decoded);
    const FoldTarget target{&fold.table, &fold.account};
    (*folder)->fold(decoded, {&target, 1});
    return fold;
}

}  // namespace braid::operators
