// SPDX-License-Identifier: Apache-2.0
#include "catalog/catalog.h"

#include <algorithm>

#include <fmt/format.h>

namespace braid::catalog {

namespace {

/// Linear: a catalog has hundreds of objects, and a statement looks up a few names.
template <typename Objects>
auto find_named(const Objects& objects, std::string_view name)
    -> decltype(&objects.begin()->second) {
    const auto found = std::ranges::find_if(
        objects, [name](const auto& entry) { return entry.second.name == name; });
    return found == objects.end() ? nullptr : &found->second;
}

}  // namespace

std::string Table::option(const std::string& option_name, const std::string& fallback) const {
    const auto found = options.find(option_name);
    return found == options.end() ? fallback : found->second;
}

std::string dataset_folder(std::string_view name, TableId id) {
    constexpr size_t kEscapedMax = 200;
    std::string escaped;
    for (const char each : name) {
        const bool is_plain = (each >= 'a' && each <= 'z') || (each >= '0' && each <= '9') ||
                              (each == '_' && !escaped.empty());
        const std::string next = is_plain
                                     ? std::string(1, each)
                                     : fmt::format("%{:02x}", static_cast<unsigned char>(each));
        if (escaped.size() + next.size() > kEscapedMax) break;
        escaped += next;
    }
    return fmt::format("dataset/{}-{}", escaped, id.value);
}

const ViewVersion* MaterializedView::find(VersionId version) const {
    const auto found = std::ranges::find(versions, version, &ViewVersion::id);
    return found == versions.end() ? nullptr : &*found;
}

const Table* Catalog::find_table(std::string_view name) const { return find_named(tables, name); }

const MaterializedView* Catalog::find_view(std::string_view name) const {
    return find_named(views, name);
}

const PlainView* Catalog::find_plain_view(std::string_view name) const {
    return find_named(plain_views, name);
}

bool Catalog::has_relation(std::string_view name) const {
    return find_table(name) != nullptr || find_view(name) != nullptr ||
           find_plain_view(name) != nullptr;
}

std::vector<const MaterializedView*> Catalog::views_of(TableId table) const {
    std::vector<const MaterializedView*> found;
    for (const auto& [id, view] : views) {
        if (view.table == table) found.push_back(&view);
    }
    return found;
}

const MaterializedView* Catalog::view_of_version(VersionId version) const {
    for (const auto& [id, view] : views) {
        if (view.find(version) != nullptr) return &view;
    }
    return nullptr;
}

}  // namespace braid::catalog
