// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "read/adhoc/generator_internal.h"
#include "read/adhoc/physical_internal.h"

namespace braid::read {

using plan::Node;

Result<std::string> Generator::set_operation(const Node& node) {
    const std::vector<Field>& fields = node.output.fields;
    const bool has_display = std::ranges::any_of(
        fields, [](const Field& field) { return physical_of(field.type) == Physical::kBlob; });
    const bool is_union = node.set_kind == Node::SetKind::kUnion;
    if (has_display && !(is_union && node.is_all)) return counted_set_operation(node);
    static constexpr std::string_view kWords[] = {"UNION", "INTERSECT", "EXCEPT"};
    const FromItem left = TRY(from(*node.inputs[0]));
    const FromItem right = TRY(from(*node.inputs[1]));
    return fmt::format("SELECT {} FROM {} {}{} SELECT {} FROM {}", select_list(left.columns),
                       left.from, kWords[static_cast<size_t>(node.set_kind)],
                       node.is_all ? " ALL" : "", select_list(right.columns), right.from);
}

/// Where equal values may print differently, rows are grouped by value and counted by side: the
/// left side's form is shown.
Result<std::string> Generator::counted_set_operation(const Node& node) {
    const FromItem left = TRY(from(*node.inputs[0]));
    const FromItem right = TRY(from(*node.inputs[1]));
    const size_t count = node.output.fields.size();
    const std::string rows =
        fmt::format("SELECT {}, 0 AS side FROM {} UNION ALL SELECT {}, 1 AS side FROM {}",
                    select_list(left.columns), left.from, select_list(right.columns), right.from);
    const FromItem both = alias(rows, count);
    const std::string side = both.columns[0].substr(0, both.columns[0].find('.')) + ".side";
    Names keys;
    Names columns;
    for (size_t i = 0; i < count; ++i) {
        keys.push_back(comparable(both.columns[i], node.output.fields[i].type));
        const bool has_display = keys[i] != both.columns[i];
        columns.push_back(!has_display
                              ? keys[i]
                              : fmt::format("COALESCE(min({0}) FILTER (WHERE {1} = 0), min({0}))",
                                            both.columns[i], side));
    }
    const std::string left_count = fmt::format("count(*) FILTER (WHERE {} = 0)", side);
    const std::string right_count = fmt::format("count(*) FILTER (WHERE {} = 1)", side);
    std::string copies = "1";
    if (node.set_kind == Node::SetKind::kIntersect) {
        copies = fmt::format("least({}, {}{})", left_count, right_count, node.is_all ? "" : ", 1");
    } else if (node.set_kind == Node::SetKind::kExcept && node.is_all) {
        copies = fmt::format("greatest({} - {}, 0)", left_count, right_count);
    } else if (node.set_kind == Node::SetKind::kExcept) {
        copies =
            fmt::format("CASE WHEN {} > 0 AND {} = 0 THEN 1 ELSE 0 END", left_count, right_count);
    }
    const std::string groups = fresh_alias();
    std::string out = fmt::format("SELECT {}, {} AS copies FROM {} GROUP BY {}",
                                  select_list(columns), copies, both.from, fmt::join(keys, ", "));
    Names names;
    for (size_t i = 0; i < count; ++i) names.push_back(fmt::format("{}.c{}", groups, i));
    return fmt::format(
        "SELECT {0} FROM ({1}) AS {2}, LATERAL (SELECT unnest(range({2}.copies)) AS n) AS {3}",
        select_list(names), out, groups, fresh_alias());
}

}  // namespace braid::read
