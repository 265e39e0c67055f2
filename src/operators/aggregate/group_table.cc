// SPDX-License-Identifier: Apache-2.0
#include "operators/aggregate/group_table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/error_makers.h"
#include "operators/aggregate/accumulator_internal.h"
#include "operators/aggregate/finish_row_internal.h"
#include "operators/aggregate/key_sort_internal.h"
#include "operators/aggregate/key_table_internal.h"
#include "operators/aggregate/scratch_entry_internal.h"
#include "operators/aggregate/subkey_table_internal.h"

namespace braid::operators {
namespace {

/// Rows are folded in blocks whose entry pointers stay in the first-level cache.
constexpr size_t kBlockRows = 1024;

/// Where each state lies in an entry: the aligned ones first, then heads of subkeys and the group's
/// number, then single bytes.
struct EntryLayout {
    std::vector<std::unique_ptr<Accumulator>> accumulators;  // by aggregate; null: has subkeys
    std::vector<std::unique_ptr<SubkeyTable>> sections;      // section n at n - 1
    size_t group_offset = 0;
    size_t payload_bytes = 0;

    EntryLayout(const std::vector<plan::Aggregate>& aggregates,
                std::vector<std::unique_ptr<Accumulator>> made);
};

EntryLayout::EntryLayout(const std::vector<plan::Aggregate>& aggregates,
                         std::vector<std::unique_ptr<Accumulator>> made)
    : accumulators(std::move(made)) {
    CHECK_EQ(accumulators.size(), aggregates.size());
    for (size_t a = 0; a < aggregates.size(); ++a) {
        if (accumulators[a] == nullptr)
            sections.push_back(std::make_unique<SubkeyTable>(aggregates[a]));
    }
    const size_t heads_bytes = sections.size() * sizeof(SubkeyTable::Head);
    size_t offset = 0;
    payload_bytes = place_states(accumulators, heads_bytes + sizeof(GroupTable::Group), offset);
    for (const auto& section : sections) {
        section->set_offset(offset);
        offset += sizeof(SubkeyTable::Head);
    }
    group_offset = offset;
}

/// A list that grows without moving what it holds.
class RefList {
  public:
    void push_back(KeyTable::Ref ref) {
        if (size_ % kChunk == 0)
            chunks_.push_back(std::make_unique_for_overwrite<KeyTable::Ref[]>(kChunk));
        chunks_.back()[size_ % kChunk] = ref;
        ++size_;
    }
    KeyTable::Ref operator[](size_t i) const { return chunks_[i / kChunk][i % kChunk]; }
    size_t size() const { return size_; }
    size_t bytes_used() const { return chunks_.size() * kChunk * sizeof(KeyTable::Ref); }

  private:
    static constexpr size_t kChunk = 1024;
    std::vector<std::unique_ptr<KeyTable::Ref[]>> chunks_;
    size_t size_ = 0;
};

}  // namespace

struct GroupTable::Body {
    Body(std::vector<plan::Aggregate> given, std::vector<std::unique_ptr<Accumulator>> made)
        : aggregates(std::move(given)),
          layout(aggregates, std::move(made)),
          table(layout.payload_bytes) {}

    char* entry_of(Group group) const { return table.payload(refs[group]); }
    Group group_of(const char* entry) const {
        Group group = 0;
        std::memcpy(&group, entry + layout.group_offset, sizeof group);
        return group;
    }
    /// Of an aggregate with subkeys.
    const SubkeyTable& section_of(size_t aggregate) const {
        const auto before =
            std::count(layout.accumulators.begin(),
                       layout.accumulators.begin() + static_cast<ptrdiff_t>(aggregate), nullptr);
        return *layout.sections[static_cast<size_t>(before)];
    }
    char* find_or_insert(uint32_t tag, std::string_view key);
    char* insert(uint32_t tag, std::string_view key);
    /// Fills entries[0, count) for keys(0) … keys(count - 1), whose hashes may be known.
    template <typename Keys>
    void resolve(size_t count, const Keys& keys, std::span<const uint64_t> hashes = {});
    void resolve_keys(const EncodedKeys& keys, size_t first, size_t count);
    /// What fold was given, in the encodings that aggregates read.
    std::vector<AggregateInput> checked(size_t rows, std::span<const AggregateInput> inputs) const;
    void fold_block(size_t first, std::span<const AggregateInput> inputs,
                    const EventPlaces* places);

    std::vector<plan::Aggregate> aggregates;
    EntryLayout layout;
    KeyTable table;
    RefList refs;  // by group
    // Scratch of the one writer.
    std::vector<uint32_t> tags;
    std::vector<char*> entries;
    std::vector<char*> key_entries;
    std::vector<Group> groups;
};

char* GroupTable::Body::find_or_insert(uint32_t tag, std::string_view key) {
    const KeyTable::Ref ref = table.find(tag, key);
    return ref != KeyTable::kNone ? table.payload(ref) : insert(tag, key);
}

char* GroupTable::Body::insert(uint32_t tag, std::string_view key) {
    const KeyTable::Ref ref = table.insert(tag, key);
    char* entry = table.payload(ref);
    const auto group = static_cast<Group>(refs.size());
    std::memcpy(entry + layout.group_offset, &group, sizeof group);
    refs.push_back(ref);
    return entry;
}

template <typename Keys>
void GroupTable::Body::resolve(size_t count, const Keys& keys, std::span<const uint64_t> hashes) {
    tags.resize(count);
    entries.resize(count);
    const bool is_large = table.is_worth_prefetching();
    for (size_t i = 0; i < count; ++i) {
        tags[i] = hashes.empty() ? KeyTable::tag_of(keys(i)) : KeyTable::tag_of(hashes[i]);
    }
    if (is_large) {
        for (size_t i = 0; i < count; ++i) table.prefetch_bucket(tags[i]);
    }
    for (size_t i = 0; i < count; ++i) entries[i] = table.likely_entry(tags[i]);
    if (is_large) {
        for (size_t i = 0; i < count; ++i) table.prefetch_entry(entries[i]);
    }
    for (size_t i = 0; i < count; ++i) {
        const std::string_view key = keys(i);
        if (!table.is_key(entries[i], key)) [[unlikely]]
            entries[i] = find_or_insert(tags[i], key);
    }
}

void GroupTable::Body::resolve_keys(const EncodedKeys& keys, size_t first, size_t count) {
    const char* bytes = keys.bytes.data();
    const uint32_t* ends = keys.ends.data();
    const auto key = [=](size_t i) {
        const size_t row = first + i;
        const size_t from = row == 0 ? 0 : ends[row - 1];
        return std::string_view(bytes + from, ends[row] - from);
    };
    const std::span<const uint64_t> hashes = keys.hashes;
    CHECK(hashes.empty() || hashes.size() == keys.size());
    resolve(count, key, hashes.empty() ? hashes : hashes.subspan(first, count));
}

std::vector<AggregateInput> GroupTable::Body::checked(
    size_t rows, std::span<const AggregateInput> inputs) const {
    CHECK_EQ(inputs.size(), aggregates.size());
    std::vector<AggregateInput> flat(inputs.begin(), inputs.end());
    for (size_t a = 0; a < flat.size(); ++a) {
        AggregateInput& input = flat[a];
        CHECK_EQ(input.arguments.size(), aggregates[a].arguments.size());
        for (Column& argument : input.arguments) {
            CHECK_EQ(argument.length(), rows);
            // Subkeys encode a dictionary's values once, so their argument stays as it is.
            if (layout.accumulators[a] != nullptr) argument = argument.flattened();
        }
        CHECK(input.filter.length() == 0 || input.filter.length() == rows);
        if (input.filter.length() != 0) input.filter = input.filter.flattened();
    }
    return flat;
}

void GroupTable::Body::fold_block(size_t first, std::span<const AggregateInput> inputs,
                                  const EventPlaces* places) {
    if (!layout.sections.empty()) {
        groups.resize(entries.size());
        for (size_t i = 0; i < entries.size(); ++i) groups[i] = group_of(entries[i]);
    }
    size_t section = 0;
    for (size_t a = 0; a < aggregates.size(); ++a) {
        const FoldBlock block{entries, first, inputs[a].arguments,
                              inputs[a].filter.length() == 0 ? nullptr : &inputs[a].filter, places};
        if (layout.accumulators[a] != nullptr) {
            layout.accumulators[a]->fold(block);
        } else {
            layout.sections[section++]->fold(block, groups);
        }
    }
}

GroupTable::GroupTable(std::vector<plan::Aggregate> aggregates)
    : GroupTable(aggregates, make_accumulators(aggregates)) {}
GroupTable::GroupTable(std::vector<plan::Aggregate> aggregates,
                       std::vector<std::unique_ptr<Accumulator>> accumulators)
    : body_(std::make_unique<Body>(std::move(aggregates), std::move(accumulators))) {}
GroupTable::~GroupTable() = default;
GroupTable::GroupTable(GroupTable&&) noexcept = default;
GroupTable& GroupTable::operator=(GroupTable&&) noexcept = default;

bool GroupTable::needs_places() const {
    return std::ranges::any_of(body_->layout.accumulators, [](const auto& each) {
        return each != nullptr && each->needs_places();
    });
}

void GroupTable::fold(const EncodedKeys& keys, std::span<const AggregateInput> inputs,
                      const EventPlaces* places) {
    CHECK(places == nullptr || places->offsets.size() == keys.size());
    const size_t rows = keys.size();
    const std::vector<AggregateInput> flat = body_->checked(rows, inputs);
    for (size_t first = 0; first < rows; first += kBlockRows) {
        body_->resolve_keys(keys, first, std::min(kBlockRows, rows - first));
        body_->fold_block(first, flat, places);
    }
}

void GroupTable::fold(const EncodedKeys& keys, std::span<const uint32_t> places,
                      std::span<const AggregateInput> inputs, const EventPlaces* events) {
    const size_t rows = places.size();
    CHECK(events == nullptr || events->offsets.size() == rows);
    const std::vector<AggregateInput> flat = body_->checked(rows, inputs);
    std::vector<char*>& of_keys = body_->key_entries;
    of_keys.clear();
    for (size_t first = 0; first < keys.size(); first += kBlockRows) {
        body_->resolve_keys(keys, first, std::min(kBlockRows, keys.size() - first));
        of_keys.insert(of_keys.end(), body_->entries.begin(), body_->entries.end());
    }
    for (size_t first = 0; first < rows; first += kBlockRows) {
        const std::span<const uint32_t> block =
            places.subspan(first, std::min(kBlockRows, rows - first));
        body_->entries.resize(block.size());
        for (size_t i = 0; i < block.size(); ++i) body_->entries[i] = of_keys[block[i]];
        body_->fold_block(first, flat, events);
    }
}

Result<void> GroupTable::merge_row(uint32_t section, const StateRow& row) {
    char* entry = body_->find_or_insert(KeyTable::tag_of(row.key), row.key);
    if (section == 0) return merge_encoded(body_->layout.accumulators, entry, row.state);
    CHECK_LE(section, body_->layout.sections.size());
    return body_->layout.sections[section - 1]->merge_row(entry, body_->group_of(entry), row.subkey,
                                                          row.state);
}

Result<void> GroupTable::merge_states(std::span<const std::string_view> keys,
                                      std::span<const std::string_view> states) {
    CHECK_EQ(keys.size(), states.size());
    for (size_t first = 0; first < keys.size(); first += kBlockRows) {
        const size_t count = std::min(kBlockRows, keys.size() - first);
        body_->resolve(count, [&](size_t i) { return keys[first + i]; });
        for (size_t i = 0; i < count; ++i) {
            TRY(merge_encoded(body_->layout.accumulators, body_->entries[i], states[first + i]));
        }
    }
    return {};
}

void GroupTable::merge(const GroupTable& other) {
    merge(other, 0, static_cast<Group>(other.size()));
}

void GroupTable::merge(const GroupTable& other, Group from, Group to) {
    CHECK_LE(from, to);
    CHECK_LE(to, other.size());
    merge_groups(other, to - from, [from](size_t i) { return from + i; });
}

void GroupTable::merge(const GroupTable& other, std::span<const Group> groups) {
    merge_groups(other, groups.size(), [groups](size_t i) { return groups[i]; });
}

template <typename GroupAt>
void GroupTable::merge_groups(const GroupTable& other, size_t count, GroupAt group_at) {
    const Body& source = *other.body_;
    CHECK(&other != this);
    CHECK_EQ(source.aggregates.size(), body_->aggregates.size());
    CHECK_EQ(source.layout.payload_bytes, body_->layout.payload_bytes);
    for (size_t first = 0; first < count; first += kBlockRows) {
        const size_t rows = std::min(kBlockRows, count - first);
        const auto source_ref = [&](size_t i) { return source.refs[group_at(first + i)]; };
        body_->resolve(rows, [&](size_t i) { return source.table.key(source_ref(i)); });
        for (size_t i = 0; i < rows; ++i) {
            char* entry = body_->entries[i];
            const char* source_entry = source.table.payload(source_ref(i));
            for (const auto& accumulator : body_->layout.accumulators) {
                if (accumulator == nullptr) continue;
                const size_t offset = accumulator->offset();
                accumulator->merge(entry + offset, source_entry + offset);
            }
            for (size_t section = 0; section < source.layout.sections.size(); ++section) {
                body_->layout.sections[section]->merge(
                    entry, body_->group_of(entry), *source.layout.sections[section], source_entry);
            }
        }
    }
}

uint64_t GroupTable::hash_of(std::string_view key) { return hash_bytes(key); }

size_t GroupTable::shard_of(uint64_t hash, size_t shard_count) {
    // The half of the hash that is not the tag.
    return static_cast<uint32_t>(hash) & (shard_count - 1);
}

size_t GroupTable::shard_of(std::string_view key, size_t shard_count) {
    return shard_count == 1 ? 0 : shard_of(hash_of(key), shard_count);
}

size_t GroupTable::size() const { return body_->refs.size(); }

size_t GroupTable::bytes_used() const {
    size_t bytes = sizeof(Body) + body_->table.bytes_used() + body_->refs.bytes_used();
    for (const auto& accumulator : body_->layout.accumulators) {
        if (accumulator != nullptr) bytes += accumulator->bytes_used();
    }
    for (const auto& section : body_->layout.sections) bytes += section->bytes_used();
    return bytes;
}

GroupTable::Group GroupTable::find(std::string_view key) const {
    const KeyTable::Ref ref = body_->table.find(KeyTable::tag_of(key), key);
    return ref == KeyTable::kNone ? kNoGroup : body_->group_of(body_->table.payload(ref));
}

GroupTable::Group GroupTable::ensure_group(std::string_view key) {
    return body_->group_of(body_->find_or_insert(KeyTable::tag_of(key), key));
}

std::string_view GroupTable::key_of(Group group) const {
    return body_->table.key(body_->refs[group]);
}

void GroupTable::encode_state(Group group, std::string& out) const {
    ByteWriter writer(out);
    const char* entry = body_->entry_of(group);
    for (const auto& accumulator : body_->layout.accumulators) {
        if (accumulator != nullptr) accumulator->encode(entry + accumulator->offset(), writer);
    }
}

size_t GroupTable::subkey_count(uint32_t section, Group group) const {
    return body_->layout.sections.at(section - 1)->head_of(body_->entry_of(group)).count;
}

/// A group and the table that holds it.
void GroupTable::list_subkeys(uint32_t section, Group group, std::vector<Subkey>& into) const {
    body_->layout.sections[section - 1]->list(body_->entry_of(group), into);
}

std::string_view GroupTable::subkey_of(uint32_t section, Subkey row) const {
    return body_->layout.sections[section - 1]->key(row);
}

void GroupTable::encode_subkey_state(uint32_t section, Subkey row, std::string& out) const {
    const SubkeyTable& table = *body_->layout.sections[section - 1];
    ByteWriter writer(out);
    table.encode(table.state(row), writer);
}

struct GroupTable::PlacedGroup {
    const GroupTable* table;
    Group group;

    std::string_view key() const { return table->key_of(group); }
};

uint32_t GroupTable::section_count() const {
    return static_cast<uint32_t>(body_->layout.sections.size());
}

Result<void> GroupTable::visit_rows(const RowVisitor& visit) const {
    const std::vector<Group> groups = sorted_groups();
    const auto placed = [&](size_t i) { return PlacedGroup{this, groups[i]}; };
    return visit_placed(groups.size(), placed, section_count(), true, visit);
}

Result<void> GroupTable::visit_rows_of_all(std::span<const GroupTable* const> tables,
                                           const RowVisitor& visit) {
    if (tables.empty()) return {};
    if (tables.size() == 1) return tables.front()->visit_rows(visit);
    std::vector<PlacedGroup> groups;
    for (const GroupTable* table : tables) {
        for (Group group = 0; group < table->size(); ++group) groups.push_back({table, group});
    }
    return visit_in_order(groups, tables.front()->section_count(), visit);
}

Result<void> GroupTable::visit_rows_of_all(std::span<const Piece> pieces, const RowVisitor& visit) {
    if (pieces.empty()) return {};
    std::vector<PlacedGroup> groups;
    for (const Piece& piece : pieces) {
        for (const Group group : piece.groups) groups.push_back({piece.table, group});
    }
    return visit_in_order(groups, pieces.front().table->section_count(), visit);
}

Result<void> GroupTable::visit_in_order(std::span<const PlacedGroup> groups, uint32_t sections,
                                        const RowVisitor& visit) {
    const std::vector<uint32_t> order =
        sort_keys(groups.size(), [&](uint32_t i) { return groups[i].key(); });
    const auto placed = [&](size_t i) { return groups[order[i]]; };
    return visit_placed(groups.size(), placed, sections, true, visit);
}

Result<void> GroupTable::visit_rows_of(std::span<const Group> groups,
                                       const RowVisitor& visit) const {
    const auto placed = [&](size_t i) { return PlacedGroup{this, groups[i]}; };
    return visit_placed(groups.size(), placed, section_count(), false, visit);
}

template <typename Placed>
Result<void> GroupTable::visit_placed(size_t count, Placed placed, uint32_t sections,
                                      bool is_sorted, const RowVisitor& visit) {
    std::string state;
    for (size_t i = 0; i < count; ++i) {
        const PlacedGroup each = placed(i);
        state.clear();
        each.table->encode_state(each.group, state);
        TRY(visit(0, {.key = each.key(), .subkey = {}, .state = state}));
    }
    std::vector<std::pair<std::string_view, const char*>> subkeys;  // and their states
    for (uint32_t section = 1; section <= sections; ++section) {
        for (size_t i = 0; i < count; ++i) {
            const PlacedGroup each = placed(i);
            const Body& body = *each.table->body_;
            const SubkeyTable& table = *body.layout.sections[section - 1];
            subkeys.clear();
            table.for_each(body.entry_of(each.group), [&](std::string_view subkey, const char* at) {
                subkeys.emplace_back(subkey, at);
            });
            if (is_sorted) {
                std::ranges::sort(subkeys, {}, [](const auto& pair) { return pair.first; });
            }
            for (const auto& [subkey, at] : subkeys) {
                state.clear();
                ByteWriter writer(state);
                table.encode(at, writer);
                TRY(visit(section, {.key = each.key(), .subkey = subkey, .state = state}));
            }
        }
    }
    return {};
}

std::vector<GroupTable::Group> GroupTable::sorted_groups() const {
    return sort_keys(body_->refs.size(), [this](Group group) { return key_of(group); });
}

Evaluated GroupTable::finish(int aggregate, std::span<const Group> groups) const {
    const auto a = static_cast<size_t>(aggregate);
    CHECK_LT(a, body_->aggregates.size());
    ColumnBuilder builder(body_->aggregates[a].result_type, groups.size());
    std::vector<RowError> errors;
    if (const Accumulator* accumulator = body_->layout.accumulators[a].get()) {
        for (uint32_t i = 0; i < groups.size(); ++i) {
            const char* state = body_->entry_of(groups[i]) + accumulator->offset();
            finish_row(accumulator->finish(state, builder), i, builder, errors);
        }
        return {builder.finish(), std::move(errors)};
    }
    const SubkeyTable& table = body_->section_of(a);
    const std::unique_ptr<SubkeyFinish> finish = make_subkey_finish(body_->aggregates[a]);
    for (uint32_t i = 0; i < groups.size(); ++i) {
        const char* entry = body_->entry_of(groups[i]);
        finish->start();
        if (finish->reads_rows()) {
            table.for_each(entry, [&](std::string_view subkey, const char* state) {
                finish->add(subkey, state);
            });
        }
        finish_row(finish->finish(table.head_of(entry).count, builder), i, builder, errors);
    }
    return {builder.finish(), std::move(errors)};
}

const std::vector<plan::Aggregate>& GroupTable::aggregates() const { return body_->aggregates; }

Result<Column> column_of(Evaluated value) {
    if (!value.errors.empty()) return std::move(value.errors.front().error);
    return std::move(value.column);
}

Result<std::vector<Column>> decode_keys(const GroupTable& table,
                                        std::span<const GroupTable::Group> groups,
                                        const Schema& key_schema) {
    std::vector<ColumnBuilder> builders;
    for (const Field& field : key_schema.fields) builders.emplace_back(field.type, groups.size());
    for (const GroupTable::Group group : groups) {
        std::string_view key = table.key_of(group);
        for (size_t k = 0; k < builders.size(); ++k) {
            TRY(decode_key_value(key, key_schema.fields[k].type, builders[k]));
        }
        if (!key.empty()) return corrupt("key of a group is longer than its columns");
    }
    std::vector<Column> columns;
    for (ColumnBuilder& builder : builders) columns.push_back(builder.finish());
    return columns;
}

}  // namespace braid::operators
