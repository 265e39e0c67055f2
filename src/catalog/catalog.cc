// SPDX-License-Identifier: Apache-2.0
#include "catalog/catalog.h"

#include <algorithm>

#include <fmt/format.h>

namespace braid::catalog {

namespace {

std::vector<std::string> marks_of(const Table& table) {
    return {table.log.hex, table.dataset_folder};
}
std::vector<std::string> marks_of(const MaterializedView&) { return {}; }
std::vector<std::string> marks_of(const PlainView&) { return {}; }

std::vector<ObjectId> links_of(const MaterializedView& view) {
    std::vector<ObjectId> links = {view.table};
    for (const ViewVersion& version : view.versions) links.push_back(version.id);
    return links;
}
std::vector<ObjectId> links_of(const Table&) { return {}; }
std::vector<ObjectId> links_of(const PlainView&) { return {}; }

/// The entry is another object's where the two have the same.
void forget(SharedMap<std::string, ObjectId>& index, const std::string& text, ObjectId id) {
    const auto found = index.find(text);
    if (found != index.end() && found->second == id) index.erase(text);
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

template <typename Object>
const Object* Declared<Object>::named(std::string_view name) const {
    const auto found = names_.find(std::string(name));
    return found == names_.end() ? nullptr : &objects_.at(found->second);
}

template <typename Object>
const Object* Declared<Object>::marked(std::string_view mark) const {
    const auto found = marks_.find(std::string(mark));
    return found == marks_.end() ? nullptr : &objects_.at(found->second);
}

template <typename Object>
std::vector<const Object*> Declared<Object>::linked_to(ObjectId other) const {
    std::vector<const Object*> found;
    for (auto each = links_.lower_bound({other, {}});
         each != links_.end() && each->first.first == other; ++each) {
        found.push_back(&objects_.at(each->first.second));
    }
    return found;
}

template <typename Object>
void Declared<Object>::put(Object object) {
    const ObjectId id = object.id;
    erase(id);
    names_.put(object.name, id);
    for (const std::string& mark : marks_of(object)) marks_.put(mark, id);
    for (const ObjectId link : links_of(object)) links_.put({link, id}, true);
    objects_.put(id, std::move(object));
}

template <typename Object>
size_t Declared<Object>::erase(ObjectId id) {
    const auto found = objects_.find(id);
    if (found == objects_.end()) return 0;
    const Object& object = found->second;
    forget(names_, object.name, id);
    for (const std::string& mark : marks_of(object)) forget(marks_, mark, id);
    for (const ObjectId link : links_of(object)) links_.erase({link, id});
    return objects_.erase(id);
}

template class Declared<Table>;
template class Declared<MaterializedView>;
template class Declared<PlainView>;

bool Catalog::has_relation(std::string_view name) const {
    return find_table(name) != nullptr || find_view(name) != nullptr ||
           find_plain_view(name) != nullptr;
}

std::vector<const MaterializedView*> Catalog::views_of(TableId table) const {
    std::vector<const MaterializedView*> found = views.linked_to(table);
    std::erase_if(found, [&](const MaterializedView* view) { return view->table != table; });
    return found;
}

const MaterializedView* Catalog::view_of_version(VersionId version) const {
    for (const MaterializedView* view : views.linked_to(version)) {
        if (view->find(version) != nullptr) return view;
    }
    return nullptr;
}

}  // namespace braid::catalog
