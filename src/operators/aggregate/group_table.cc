// SPDX-License-Identifier: Apache-2.0
#include "operators/aggregate/group_table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/error_makers.h"
#include "operators/aggregate/accumulator_internal.h"
#include "operators/aggregate/key_sort_internal.h"
#include "operators/aggregate/key_table_internal.h"
#include "operators/aggregate/value_set_internal.h"

namespace braid::operators {
namespace {

using plan::AggregateKind;

/// Rows are folded in blocks whose entry pointers stay in the first-level cache.
constexpr size_t kBlockRows = 1024;

bool is_set(const plan::Aggregate& aggregate) {
    return aggregate.kind == AggregateKind::kCountDistinct;
}

/// Where each state lies in an entry: the aligned ones first, then sets, then single bytes; the
/// group's number closes it.
struct EntryLayout {
    std::vector<std::unique_ptr<Accumulator>> accumulators;  // by aggregate; null for a set
    std::vector<std::unique_ptr<ValueSet>> sets;
    size_t group_offset = 0;
    size_t payload_bytes = 0;

    explicit EntryLayout(const std::vector<plan::Aggregate>& aggregates);
};

EntryLayout::EntryLayout(const std::vector<plan::Aggregate>& aggregates) {
    for (const plan::Aggregate& aggregate : aggregates) {
        CHECK(aggregate.kind != AggregateKind::kCombine);
        accumulators.push_back(is_set(aggregate) ? nullptr : make_accumulator(aggregate));
        if (is_set(aggregate)) sets.push_back(std::make_unique<ValueSet>());
    }
    size_t offset = 0;
    const auto place = [&](size_t alignment) {
        for (const auto& accumulator : accumulators) {
            if (accumulator == nullptr || accumulator->alignment() != alignment) continue;
            accumulator->set_offset(offset);
            offset += accumulator->state_bytes();
        }
    };
    place(alignof(int64_t));
    for (const auto& set : sets) {
        set->set_offset(offset);
        offset += sizeof(ValueSet::Head);
    }
    group_offset = offset;
    offset += sizeof(GroupTable::Group);
    place(1);
    payload_bytes = offset;
}

/// Appends the finished value of a state, or NULL and why there is none.
void finish_row(const Accumulator& accumulator, const char* state, uint32_t row,
                ColumnBuilder& builder, std::vector<RowError>& errors) {
    Result<void> finished = accumulator.finish(state, builder);
    if (finished) return;
    builder.append_null();
    errors.push_back({row, std::move(finished).error()});
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
    explicit Body(std::vector<plan::Aggregate> given)
        : aggregates(std::move(given)), layout(aggregates), table(layout.payload_bytes) {}

    char* entry_of(Group group) const { return table.payload(refs[group]); }
    Group group_of(const char* entry) const {
        Group group = 0;
        std::memcpy(&group, entry + layout.group_offset, sizeof group);
        return group;
    }
    char* find_or_insert(uint32_t tag, std::string_view key);
    char* insert(uint32_t tag, std::string_view key);
    /// Fills entries[0, count) for keys(0) … keys(count - 1).
    template <typename Keys>
    void resolve(size_t count, const Keys& keys);
    void resolve_keys(const EncodedKeys& keys, size_t first, size_t count);
    Result<void> merge_encoded(char* entry, std::string_view state);
    /// What fold was given, in the encodings that aggregates read.
    struct Arguments {
        std::vector<Column> arguments;
        std::vector<Column> filters;
    };
    Arguments checked_arguments(size_t rows, std::span<const Column> arguments,
                                std::span<const Column> filters) const;
    void fold_block(size_t first, std::span<const Column> arguments,
                    std::span<const Column> filters);

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
void GroupTable::Body::resolve(size_t count, const Keys& keys) {
    tags.resize(count);
    entries.resize(count);
    const bool is_large = table.is_worth_prefetching();
    for (size_t i = 0; i < count; ++i) tags[i] = KeyTable::tag_of(keys(i));
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
    resolve(count, [=](size_t i) {
        const size_t row = first + i;
        const size_t from = row == 0 ? 0 : ends[row - 1];
        return std::string_view(bytes + from, ends[row] - from);
    });
}

GroupTable::Body::Arguments GroupTable::Body::checked_arguments(
    size_t rows, std::span<const Column> arguments, std::span<const Column> filters) const {
    const size_t count = aggregates.size();
    CHECK_EQ(arguments.size(), count);
    CHECK_EQ(filters.size(), count);
    Arguments flat{{arguments.begin(), arguments.end()}, {filters.begin(), filters.end()}};
    for (size_t a = 0; a < count; ++a) {
        const bool has_argument = arguments[a].length() != 0;
        CHECK(!has_argument || arguments[a].length() == rows);
        CHECK(filters[a].length() == 0 || filters[a].length() == rows);
        CHECK(rows == 0 || has_argument == (aggregates[a].kind != AggregateKind::kCountRows));
        // Sets encode a dictionary's values once, so their argument stays as it is.
        if (has_argument && !is_set(aggregates[a])) flat.arguments[a] = arguments[a].flattened();
        if (filters[a].length() != 0) flat.filters[a] = filters[a].flattened();
    }
    return flat;
}

void GroupTable::Body::fold_block(size_t first, std::span<const Column> arguments,
                                  std::span<const Column> filters) {
    if (!layout.sets.empty()) {
        groups.resize(entries.size());
        for (size_t i = 0; i < entries.size(); ++i) groups[i] = group_of(entries[i]);
    }
    size_t set = 0;
    for (size_t a = 0; a < aggregates.size(); ++a) {
        const FoldBlock block{entries, first, arguments[a].length() == 0 ? nullptr : &arguments[a],
                              filters[a].length() == 0 ? nullptr : &filters[a]};
        if (layout.accumulators[a] != nullptr) {
            layout.accumulators[a]->fold(block);
        } else {
            layout.sets[set++]->fold(block, groups);
        }
    }
}

GroupTable::GroupTable(std::vector<plan::Aggregate> aggregates)
    : body_(std::make_unique<Body>(std::move(aggregates))) {}
GroupTable::~GroupTable() = default;
GroupTable::GroupTable(GroupTable&&) noexcept = default;
GroupTable& GroupTable::operator=(GroupTable&&) noexcept = default;

void GroupTable::fold(const EncodedKeys& keys, std::span<const Column> arguments,
                      std::span<const Column> filters) {
    const size_t rows = keys.size();
    const Body::Arguments flat = body_->checked_arguments(rows, arguments, filters);
    for (size_t first = 0; first < rows; first += kBlockRows) {
        body_->resolve_keys(keys, first, std::min(kBlockRows, rows - first));
        body_->fold_block(first, flat.arguments, flat.filters);
    }
}

void GroupTable::fold(const EncodedKeys& keys, std::span<const uint32_t> places,
                      std::span<const Column> arguments, std::span<const Column> filters) {
    const size_t rows = places.size();
    const Body::Arguments flat = body_->checked_arguments(rows, arguments, filters);
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
        body_->fold_block(first, flat.arguments, flat.filters);
    }
}

Result<void> GroupTable::Body::merge_encoded(char* entry, std::string_view state) {
    ByteReader in(state);
    for (const auto& accumulator : layout.accumulators) {
        if (accumulator != nullptr)
            TRY(accumulator->merge_encoded(entry + accumulator->offset(), in));
    }
    if (!in.at_end()) return corrupt("state of a group is longer than its aggregates");
    return {};
}

Result<void> GroupTable::merge_state(std::string_view key, std::string_view state) {
    return body_->merge_encoded(body_->find_or_insert(KeyTable::tag_of(key), key), state);
}

Result<void> GroupTable::merge_states(std::span<const std::string_view> keys,
                                      std::span<const std::string_view> states) {
    CHECK_EQ(keys.size(), states.size());
    for (size_t first = 0; first < keys.size(); first += kBlockRows) {
        const size_t count = std::min(kBlockRows, keys.size() - first);
        body_->resolve(count, [&](size_t i) { return keys[first + i]; });
        for (size_t i = 0; i < count; ++i) {
            TRY(body_->merge_encoded(body_->entries[i], states[first + i]));
        }
    }
    return {};
}

Result<void> GroupTable::merge_set_value(int set, std::string_view key, std::string_view value) {
    CHECK_LT(static_cast<size_t>(set), body_->layout.sets.size());
    char* entry = body_->find_or_insert(KeyTable::tag_of(key), key);
    body_->layout.sets[static_cast<size_t>(set)]->insert(entry, body_->group_of(entry), value);
    return {};
}

void GroupTable::merge(const GroupTable& other) {
    merge(other, 0, static_cast<Group>(other.size()));
}

void GroupTable::merge(const GroupTable& other, Group from, Group to) {
    const Body& source = *other.body_;
    CHECK(&other != this);
    CHECK_EQ(source.aggregates.size(), body_->aggregates.size());
    CHECK_EQ(source.layout.payload_bytes, body_->layout.payload_bytes);
    CHECK_LE(to, other.size());
    for (size_t first = from; first < to; first += kBlockRows) {
        const size_t count = std::min(kBlockRows, to - first);
        const auto source_ref = [&](size_t i) { return source.refs[first + i]; };
        body_->resolve(count, [&](size_t i) { return source.table.key(source_ref(i)); });
        for (size_t i = 0; i < count; ++i) {
            char* entry = body_->entries[i];
            const char* source_entry = source.table.payload(source_ref(i));
            for (const auto& accumulator : body_->layout.accumulators) {
                if (accumulator == nullptr) continue;
                const size_t offset = accumulator->offset();
                accumulator->merge(entry + offset, source_entry + offset);
            }
            for (size_t set = 0; set < source.layout.sets.size(); ++set) {
                body_->layout.sets[set]->merge(entry, body_->group_of(entry),
                                               *source.layout.sets[set], source_entry);
            }
        }
    }
}

size_t GroupTable::size() const { return body_->refs.size(); }

size_t GroupTable::bytes_used() const {
    size_t bytes = sizeof(Body) + body_->table.bytes_used() + body_->refs.bytes_used();
    for (const auto& accumulator : body_->layout.accumulators) {
        if (accumulator != nullptr) bytes += accumulator->bytes_used();
    }
    for (const auto& set : body_->layout.sets) bytes += set->bytes_used();
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

void GroupTable::for_each_set_value(int set, Group group,
                                    const std::function<void(std::string_view)>& visit) const {
    body_->layout.sets.at(static_cast<size_t>(set))->for_each(body_->entry_of(group), visit);
}

size_t GroupTable::set_size(int set, Group group) const {
    return body_->layout.sets.at(static_cast<size_t>(set))->head_of(body_->entry_of(group)).count;
}

bool GroupTable::set_contains(int set, Group group, std::string_view value) const {
    return body_->layout.sets.at(static_cast<size_t>(set))->contains(group, value);
}

std::vector<GroupTable::Group> GroupTable::sorted_groups() const {
    return sort_keys(body_->refs.size(), [this](Group group) { return key_of(group); });
}

Evaluated GroupTable::finish(int aggregate, std::span<const Group> groups) const {
    const auto a = static_cast<size_t>(aggregate);
    CHECK_LT(a, body_->aggregates.size());
    ColumnBuilder builder(body_->aggregates[a].result_type, groups.size());
    const Accumulator* accumulator = body_->layout.accumulators[a].get();
    if (accumulator != nullptr) {
        std::vector<RowError> errors;
        for (uint32_t i = 0; i < groups.size(); ++i) {
            const char* state = body_->entry_of(groups[i]) + accumulator->offset();
            finish_row(*accumulator, state, i, builder, errors);
        }
        return {builder.finish(), std::move(errors)};
    }
    const auto set =
        std::count_if(body_->aggregates.begin(), body_->aggregates.begin() + aggregate, is_set);
    for (const Group group : groups) {
        builder.append_int8(static_cast<int64_t>(set_size(static_cast<int>(set), group)));
    }
    return {builder.finish(), {}};
}

const std::vector<plan::Aggregate>& GroupTable::aggregates() const { return body_->aggregates; }

struct StateFinisher::Body {
    Body(const std::vector<plan::Aggregate>& given, std::vector<bool> asked)
        : aggregates(given), wanted(std::move(asked)) {
        CHECK_EQ(aggregates.size(), wanted.size());
        for (const plan::Aggregate& each : aggregates) {
            accumulators.push_back(is_set(each) ? nullptr : make_accumulator(each));
        }
        start();
    }
    void start() {
        rows = 0;
        builders.clear();
        for (const plan::Aggregate& each : aggregates) builders.emplace_back(each.result_type);
        errors.assign(aggregates.size(), {});
    }

    const std::vector<plan::Aggregate>& aggregates;
    const std::vector<bool> wanted;
    std::vector<std::unique_ptr<Accumulator>> accumulators;  // null for a set
    std::vector<uint64_t> memory;                            // of one state
    uint32_t rows = 0;
    std::vector<ColumnBuilder> builders;
    std::vector<std::vector<RowError>> errors;
};

StateFinisher::StateFinisher(const std::vector<plan::Aggregate>& aggregates,
                             std::vector<bool> wanted)
    : body_(std::make_unique<Body>(aggregates, std::move(wanted))) {}
StateFinisher::~StateFinisher() = default;

Result<void> StateFinisher::add(std::string_view state, std::span<const uint64_t> set_sizes) {
    ByteReader in(state);
    size_t set = 0;
    for (size_t a = 0; a < body_->aggregates.size(); ++a) {
        std::unique_ptr<Accumulator>& accumulator = body_->accumulators[a];
        ColumnBuilder& builder = body_->builders[a];
        if (accumulator == nullptr) {
            CHECK_LT(set, set_sizes.size());
            const uint64_t size = set_sizes[set++];
            if (body_->wanted[a]) builder.append_int8(static_cast<int64_t>(size));
            continue;
        }
        body_->memory.assign(accumulator->state_bytes() / sizeof(uint64_t) + 1, 0);
        char* own = reinterpret_cast<char*>(body_->memory.data());
        TRY(accumulator->merge_encoded(own, in));
        if (body_->wanted[a]) finish_row(*accumulator, own, body_->rows, builder, body_->errors[a]);
        // What it holds for the row beside the state, only its end gives back.
        if (accumulator->bytes_used() != 0) accumulator = make_accumulator(body_->aggregates[a]);
    }
    if (!in.at_end()) return corrupt("state of a group is longer than its aggregates");
    ++body_->rows;
    return {};
}

std::vector<Evaluated> StateFinisher::take() {
    std::vector<Evaluated> taken;
    for (size_t a = 0; a < body_->aggregates.size(); ++a) {
        Column column = body_->wanted[a] ? body_->builders[a].finish() : Column();
        taken.push_back({std::move(column), std::move(body_->errors[a])});
    }
    body_->start();
    return taken;
}

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
