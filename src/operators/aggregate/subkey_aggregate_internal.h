// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "operators/aggregate/accumulator_internal.h"

namespace braid::operators {

/// The states that an aggregate keeps under its subkeys.
struct SubkeyStates {
    std::unique_ptr<Accumulator> state;  // null: none, a set
    bool reads_values = false;           // it folds the argument too, not only how often it came
};
SubkeyStates subkey_states(const plan::Aggregate& aggregate);

/// Turns what an aggregate keeps under the subkeys of one key into its value. Reused from key to
/// key without an allocation.
class SubkeyFinish {
  public:
    virtual ~SubkeyFinish() = default;
    /// False where the number of subkeys is enough.
    virtual bool reads_rows() const = 0;
    virtual void start() = 0;
    /// One subkey and its state, in any order.
    virtual void add(std::string_view subkey, const char* state) = 0;
    /// `count`: how many subkeys there are.
    virtual Result<void> finish(uint64_t count, ColumnBuilder& out) const = 0;
};
std::unique_ptr<SubkeyFinish> make_subkey_finish(const plan::Aggregate& aggregate);

}  // namespace braid::operators
