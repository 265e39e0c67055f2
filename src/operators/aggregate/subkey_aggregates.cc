// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "operators/aggregate/subkey_aggregate_internal.h"

namespace braid::operators {
namespace {

/// count(DISTINCT x): how many subkeys there are.
class CountSubkeys final : public SubkeyFinish {
  public:
    bool reads_rows() const override { return false; }
    void start() override {}
    void add(std::string_view, const char*) override {}
    Result<void> finish(uint64_t count, ColumnBuilder& out) const override {
        out.append_int8(static_cast<int64_t>(count));
        return {};
    }
};

}  // namespace

SubkeyStates subkey_states(const plan::Aggregate& aggregate) {
    CHECK(plan::subkeys_of(aggregate.kind) == plan::Subkeys::kWithoutState);
    return {};
}

std::unique_ptr<SubkeyFinish> make_subkey_finish(const plan::Aggregate& aggregate) {
    CHECK(aggregate.kind == plan::AggregateKind::kCountDistinct);
    return std::make_unique<CountSubkeys>();
}

}  // namespace braid::operators
