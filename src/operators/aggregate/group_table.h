// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/column.h"
#include "columnar/key_codec.h"
#include "operators/expr/evaluator.h"
#include "plan/view_plan.h"

namespace braid::operators {

/// Groups of one view and their states: the hash table of the speed layer, of batch, and of merging
/// reads. Keys are encoded (columnar/key_codec.h); states live in place, fixed width plus an arena
/// for min/max of text and numeric overflow; the sets of count(DISTINCT) live in a second table
/// keyed (group, value). Merging is commutative and associative, and encode_state gives one byte
/// form for one value (docs/formats/states.md). One writer; reading while nobody writes is safe
/// from any thread.
class GroupTable {
  public:
    using Group = uint32_t;
    static constexpr Group kNoGroup = UINT32_MAX;

    explicit GroupTable(std::vector<plan::Aggregate> aggregates);
    ~GroupTable();
    GroupTable(GroupTable&&) noexcept;
    GroupTable& operator=(GroupTable&&) noexcept;

    /// Folds rows: keys.at(i) is the key of row i; arguments[a] and filters[a] belong to aggregate
    /// a (length = rows; an empty column where there is none). Hot.
    void fold(const EncodedKeys& keys, std::span<const Column> arguments,
              std::span<const Column> filters);
    /// The same for rows that share keys: row i has the key keys.at(places[i]). Each key is looked
    /// up once, and belongs to some row; two may be equal.
    void fold(const EncodedKeys& keys, std::span<const uint32_t> places,
              std::span<const Column> arguments, std::span<const Column> filters);

    /// ⊕ with one encoded row of a run, or with one element of the set of aggregate-set `set`.
    Result<void> merge_state(std::string_view key, std::string_view state);
    /// The same for many rows at once, several times faster in a table larger than the caches.
    Result<void> merge_states(std::span<const std::string_view> keys,
                              std::span<const std::string_view> states);
    Result<void> merge_set_value(int set, std::string_view key, std::string_view value);
    /// ⊕ with all of another table of the same aggregates.
    void merge(const GroupTable& other);
    /// The same for a range of its groups, so that a large table can be merged in bounded steps.
    void merge(const GroupTable& other, Group from, Group to);

    size_t size() const;
    size_t bytes_used() const;
    Group find(std::string_view key) const;
    /// The group of the key, made empty (as from no rows) when it is not there yet.
    Group ensure_group(std::string_view key);
    std::string_view key_of(Group group) const;
    void encode_state(Group group, std::string& out) const;
    /// Calls with each element of the group's set, unordered.
    void for_each_set_value(int set, Group group,
                            const std::function<void(std::string_view)>& visit) const;
    size_t set_size(int set, Group group) const;
    bool set_contains(int set, Group group, std::string_view value) const;

    /// All groups in key order.
    std::vector<Group> sorted_groups() const;

    /// Finished values of one aggregate for the groups given: count, sum, … A group that has none
    /// (22003 out of range) stands among the errors with its place in `groups`.
    Evaluated finish(int aggregate, std::span<const Group> groups) const;

    const std::vector<plan::Aggregate>& aggregates() const;

  private:
    struct Body;
    std::unique_ptr<Body> body_;
};

/// Finishes encoded states one by one, without a table. One thread at a time.
class StateFinisher {
  public:
    /// `wanted`, by aggregate: its value is asked for. `aggregates` must outlive it.
    StateFinisher(const std::vector<plan::Aggregate>& aggregates, std::vector<bool> wanted);
    ~StateFinisher();

    /// One more row. `set_sizes` are those of count(DISTINCT), one per set. Corrupt if the bytes
    /// are no state.
    Result<void> add(std::string_view state, std::span<const uint64_t> set_sizes);
    /// By aggregate: the values of the rows added since the last time; nothing where not wanted.
    std::vector<Evaluated> take();

  private:
    struct Body;
    std::unique_ptr<Body> body_;
};

/// The column where every row has a value, else the first row's error.
Result<Column> column_of(Evaluated value);

/// Keys of groups as columns.
Result<std::vector<Column>> decode_keys(const GroupTable& table,
                                        std::span<const GroupTable::Group> groups,
                                        const Schema& key_schema);

}  // namespace braid::operators
