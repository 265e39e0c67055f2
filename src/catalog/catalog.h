// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catalog/shared_map.h"
#include "columnar/column.h"
#include "model/box.h"
#include "model/ids.h"

namespace braid::catalog {

/// A stream: what CREATE TABLE declared.
struct Table {
    TableId id;
    LogId log;
    std::string name;
    Schema columns;
    std::string connector;  // "file" or "http"
    std::string format;     // "json", "combined", "common"
    /// All options as written, also the two above; keys lower case.
    std::map<std::string, std::string> options;
    uint32_t partition_count = 1;
    int64_t created_at_us = 0;  // Unix microseconds
    /// Where its dataset lies, below the store: fixed when it is made, whatever it is called later.
    std::string dataset_folder;

    std::string option(const std::string& name, const std::string& fallback) const;
};

/// "dataset/<escaped name>-<id>": people find their table by its name, and no two tables share a
/// folder. Of the name's bytes a–z, 0–9 and '_' stand as they are, but for a '_' at the start
/// (Spark and Hive do not see such folders); each other byte is "%" and two lower-case hex digits.
/// So it is one folder name of ASCII, the same on file systems that do not tell upper from lower
/// case. The escaped name is cut, between escapes, to 200 bytes.
std::string dataset_folder(std::string_view name, TableId id);

/// Version of the data behind a function: user-agent rules, region database. `digest` names the
/// content.
struct FunctionData {
    std::string name;  // "user_agent", "geo"
    uint64_t version = 0;
    std::string digest;
    std::string source;  // what a person should know: "uap-core 0.18.0"
    friend bool operator==(const FunctionData&, const FunctionData&) = default;
};

/// One definition of a materialized view.
struct ViewVersion {
    VersionId id;
    std::string definition;                   // the SELECT, as written
    std::string time_zone;                    // pinned at CREATE
    std::vector<FunctionData> function_data;  // what the definition uses, pinned
    /// Where its first sealed box starts; history before it comes by back-fill.
    Positions first_seal;
    /// False until back-fill or REFRESH has covered what there was of [origin, first_seal): reads
    /// give 55000.
    bool is_populated = false;
    /// Its history is wanted and not in yet: the back-fill goes on until it is, also after a
    /// restart.
    bool wants_backfill = false;
    /// Where its history begins: where the dataset began when that was computed. Empty: at the
    /// origin.
    Positions complete_since = {};
};

struct MaterializedView {
    ViewId id;
    std::string name;
    TableId table;
    std::vector<ViewVersion> versions;  // all are fed; the last published one answers
    VersionId current;
    int64_t created_at_us = 0;
    /// An answer with more groups is refused (53400). 0: there is no such limit.
    uint64_t keys_max = 0;
    /// How long groups are kept behind the stream's clock, in microseconds. 0: for ever.
    int64_t retention_us = 0;

    const ViewVersion* find(VersionId version) const;
};

struct PlainView {
    ObjectId id;
    std::string name;
    std::string definition;
    int64_t created_at_us = 0;
};

/// The objects of one kind, by id; reads like a std::map of const values. Copies share all that was
/// not changed since, and a look-up takes no longer where there are many.
template <typename Object>
class Declared {
  public:
    using Iterator = typename SharedMap<ObjectId, Object>::Iterator;

    size_t size() const { return objects_.size(); }
    bool empty() const { return objects_.empty(); }
    Iterator begin() const { return objects_.begin(); }
    Iterator end() const { return objects_.end(); }
    Iterator find(ObjectId id) const { return objects_.find(id); }
    bool contains(ObjectId id) const { return objects_.contains(id); }
    /// It must be there.
    const Object& at(ObjectId id) const { return objects_.at(id); }
    /// By exact name; null: there is none.
    const Object* named(std::string_view name) const;
    /// By what only one may have beside its name: of a stream its log and its folder.
    const Object* marked(std::string_view mark) const;
    /// Those that belong to a stream, or have a version, ascending by id.
    std::vector<const Object*> linked_to(ObjectId other) const;

    /// Puts it in, or in the place of what has its id.
    void put(Object object);
    /// To be changed; it must be there. All that it is found by must stay.
    Object& edit(ObjectId id) { return objects_.edit(id); }
    /// How many went: 0 or 1.
    size_t erase(ObjectId id);

  private:
    SharedMap<ObjectId, Object> objects_;
    SharedMap<std::string, ObjectId> names_;
    SharedMap<std::string, ObjectId> marks_;
    SharedMap<std::pair<ObjectId, ObjectId>, bool> links_;  // what it is linked to, itself
};

/// Everything the user declared, as values. Copied on change, which costs what is changed; lookups
/// are by exact name.
struct Catalog {
    Declared<Table> tables;
    Declared<MaterializedView> views;
    Declared<PlainView> plain_views;
    std::map<std::string, FunctionData> function_data;  // current, by name
    uint64_t next_id = 1;                               // ids are never reused

    const Table* find_table(std::string_view name) const { return tables.named(name); }
    const MaterializedView* find_view(std::string_view name) const { return views.named(name); }
    const PlainView* find_plain_view(std::string_view name) const {
        return plain_views.named(name);
    }
    /// Any of the three has this name.
    bool has_relation(std::string_view name) const;
    std::vector<const MaterializedView*> views_of(TableId table) const;
    const MaterializedView* view_of_version(VersionId version) const;
};

}  // namespace braid::catalog
