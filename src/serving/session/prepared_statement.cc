// SPDX-License-Identifier: Apache-2.0
#include "serving/session/prepared_statement.h"

#include <algorithm>

#include "serving/system/settings.h"

namespace braid::serving {

namespace {

const Type kText = Type::of(TypeKind::kText);

bool is_still_there(const plan::RelationRef& ref, const catalog::Catalog& now) {
    switch (ref.kind) {
        case plan::RelationRef::Kind::kView: {
            const auto view = now.views.find(ref.id);
            return view != now.views.end() && view->second.current == ref.version;
        }
        case plan::RelationRef::Kind::kStream:
            return now.tables.contains(ref.id);
        default:
            return true;
    }
}

}  // namespace

uint64_t bytes_of(const PreparedStatement& prepared) {
    constexpr uint64_t kLeast = 4096;
    constexpr uint64_t kTreesForEachByte = 16;  // what is parsed and bound of a text
    return kLeast + prepared.statement.text.size() * kTreesForEachByte;
}

bool is_bound_early(sql::StatementKind kind) {
    switch (kind) {
        case sql::StatementKind::kSelect:
        case sql::StatementKind::kInsert:
        case sql::StatementKind::kDelete:
        case sql::StatementKind::kExplain:
        case sql::StatementKind::kShow:
        case sql::StatementKind::kExecute:
        case sql::StatementKind::kCall:
            return true;
        default:
            return false;
    }
}

std::optional<Schema> output_of(const sql::BoundStatement& bound) {
    if (const auto* query = std::get_if<plan::Query>(&bound.command)) return query->output;
    if (std::holds_alternative<sql::Explain>(bound.command)) return Schema{{{"QUERY PLAN", kText}}};
    if (const auto* show = std::get_if<sql::Show>(&bound.command)) {
        if (show->name != "all") return Schema{{{canonical_setting_name(show->name), kText}}};
        return Schema{{{"name", kText}, {"setting", kText}, {"description", kText}}};
    }
    return std::nullopt;
}

bool still_holds(const sql::BoundStatement& bound, const manifest::State& before,
                 const manifest::State& now) {
    if (&before == &now) return true;
    // Whatever is made uses up a number: the same open ones mean that nothing was made since, so no
    // name can mean something new. What was dropped or flipped is seen by looking; a dropped plain
    // view shows in their number.
    if (before.catalog.next_id != now.catalog.next_id) return false;
    if (before.open_ids != now.open_ids) return false;
    if (before.catalog.plain_views.size() != now.catalog.plain_views.size()) return false;
    const auto* query = std::get_if<plan::Query>(&bound.command);
    if (query == nullptr) return false;
    return std::ranges::all_of(query->reads, [&](const plan::RelationRef& ref) {
        return is_still_there(ref, now.catalog);
    });
}

}  // namespace braid::serving
