// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/column.h"
#include "columnar/key_codec.h"
#include "operators/aggregate/event_places.h"
#include "operators/aggregate/state_row.h"
#include "operators/expr/evaluator.h"
#include "plan/view_plan.h"

namespace braid::operators {

class Accumulator;

/// What the rows of one fold bring for one aggregate.
struct AggregateInput {
    std::vector<Column> arguments;  // as many as the aggregate has, a value for each row
    Column filter;                  // bool; no values: every row takes part
};

/// Groups of one view and their states: the hash table of the speed layer, of batch, and of merging
/// reads. Keys are encoded (columnar/key_codec.h); states live in place, fixed width plus an arena
/// for min/max of text and numeric overflow; what an aggregate keeps under subkeys lives in a table
/// of its own keyed (group, subkey). Merging is commutative and associative, and a state has one
/// byte form for one value (docs/formats/states.md). One writer; reading while nobody writes is
/// safe from any thread.
class GroupTable {
  public:
    using Group = uint32_t;
    static constexpr Group kNoGroup = UINT32_MAX;

    explicit GroupTable(std::vector<plan::Aggregate> aggregates);
    /// With accumulators of the caller's making, one for each aggregate.
    GroupTable(std::vector<plan::Aggregate> aggregates,
               std::vector<std::unique_ptr<Accumulator>> accumulators);
    ~GroupTable();
    GroupTable(GroupTable&&) noexcept;
    GroupTable& operator=(GroupTable&&) noexcept;

    /// Some aggregate asks for the places of the rows that it folds.
    bool needs_places() const;
    /// Folds rows: keys.at(i) is the key of row i; inputs[a] belongs to aggregate a. `places` may
    /// be null unless needs_places. Hot.
    void fold(const EncodedKeys& keys, std::span<const AggregateInput> inputs,
              const EventPlaces* places = nullptr);
    /// The same for rows that share keys: row i has the key keys.at(places[i]). Each key is looked
    /// up once, and belongs to some row; two may be equal.
    void fold(const EncodedKeys& keys, std::span<const uint32_t> places,
              std::span<const AggregateInput> inputs, const EventPlaces* events = nullptr);

    /// ⊕ with one row of a run.
    Result<void> merge_row(uint32_t section, const StateRow& row);
    /// The same for many rows of section 0 at once, several times faster in a table larger than the
    /// caches.
    Result<void> merge_states(std::span<const std::string_view> keys,
                              std::span<const std::string_view> states);
    /// ⊕ with all of another table of the same aggregates.
    void merge(const GroupTable& other);
    /// The same for a range of its groups, so that a large table can be merged in bounded steps.
    void merge(const GroupTable& other, Group from, Group to);
    /// The same for some of its groups, each once.
    void merge(const GroupTable& other, std::span<const Group> groups);

    /// Where the groups of one view lie in several tables: the one for this key. A power of two of
    /// them; what it tells of a key is not what a table places it by.
    static size_t shard_of(std::string_view key, size_t shard_count);
    static size_t shard_of(uint64_t hash, size_t shard_count);
    /// Of a key: what EncodedKeys may carry, so that it is computed once.
    static uint64_t hash_of(std::string_view key);

    size_t size() const;
    size_t bytes_used() const;
    Group find(std::string_view key) const;
    /// The group of the key, made empty (as from no rows) when it is not there yet.
    Group ensure_group(std::string_view key);
    std::string_view key_of(Group group) const;
    /// The state of section 0.
    void encode_state(Group group, std::string& out) const;
    /// How many rows the group has in a section >= 1.
    size_t subkey_count(uint32_t section, Group group) const;

    /// One row of a group in a section >= 1; as good as the table.
    using Subkey = uint32_t;
    /// Those of a group, unordered.
    void list_subkeys(uint32_t section, Group group, std::vector<Subkey>& into) const;
    std::string_view subkey_of(uint32_t section, Subkey row) const;
    void encode_subkey_state(uint32_t section, Subkey row, std::string& out) const;

    /// All rows, by section, then key, then subkey; ends with the first error of `visit`.
    Result<void> visit_rows(const RowVisitor& visit) const;
    /// The same for tables of the same aggregates that have no key in common, together.
    static Result<void> visit_rows_of_all(std::span<const GroupTable* const> tables,
                                          const RowVisitor& visit);
    /// Some groups of a table.
    struct Piece {
        const GroupTable* table = nullptr;
        std::vector<Group> groups;
    };
    /// The same for pieces of such tables.
    static Result<void> visit_rows_of_all(std::span<const Piece> pieces, const RowVisitor& visit);
    /// Those of some groups, by section, then as the groups are given; subkeys in any order.
    Result<void> visit_rows_of(std::span<const Group> groups, const RowVisitor& visit) const;

    /// All groups in key order.
    std::vector<Group> sorted_groups() const;

    /// Finished values of one aggregate for the groups given: count, sum, … A group that has none
    /// (22003 out of range) stands among the errors with its place in `groups`.
    Evaluated finish(int aggregate, std::span<const Group> groups) const;

    const std::vector<plan::Aggregate>& aggregates() const;

  private:
    struct Body;
    struct PlacedGroup;
    static Result<void> visit_in_order(std::span<const PlacedGroup> groups, uint32_t sections,
                                       const RowVisitor& visit);
    uint32_t section_count() const;
    /// Rows of the groups placed(0) … placed(count - 1), whose tables have the same sections.
    template <typename Placed>
    static Result<void> visit_placed(size_t count, Placed placed, uint32_t sections, bool is_sorted,
                                     const RowVisitor& visit);
    /// ⊕ with the other's groups group_at(0) … group_at(count - 1).
    template <typename GroupAt>
    void merge_groups(const GroupTable& other, size_t count, GroupAt group_at);

    std::unique_ptr<Body> body_;
};

/// The column where every row has a value, else the first row's error.
Result<Column> column_of(Evaluated value);

/// Keys of groups as columns.
Result<std::vector<Column>> decode_keys(const GroupTable& table,
                                        std::span<const GroupTable::Group> groups,
                                        const Schema& key_schema);

}  // namespace braid::operators
