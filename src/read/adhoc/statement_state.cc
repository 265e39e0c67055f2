// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include <duckdb.h>

#include "base/error_makers.h"
#include "read/adhoc/statement_state_internal.h"

namespace braid::read {

namespace {

constexpr std::string_view kMarker = "braid error ";

/// One kernel error per row could be recorded and then not be needed; beyond this many they are no
/// longer told apart.
constexpr size_t kErrorsMax = 10'000;

}  // namespace

int StatementState::add_expression(KernelExpression expression) {
    expressions_.push_back(std::move(expression));
    return static_cast<int>(expressions_.size()) - 1;
}

int StatementState::add_leaf(Leaf leaf) {
    leaves_.push_back(std::move(leaf));
    return static_cast<int>(leaves_.size()) - 1;
}

int StatementState::add_table_call(TableCall call) {
    table_calls_.push_back(std::move(call));
    return static_cast<int>(table_calls_.size()) - 1;
}

const plan::Node& StatementState::keep(plan::NodePtr node) {
    return *kept_.emplace_back(std::move(node));
}

const KernelExpression* StatementState::expression(int64_t number) const {
    if (number < 0 || static_cast<size_t>(number) >= expressions_.size()) return nullptr;
    return &expressions_[static_cast<size_t>(number)];
}

const Leaf* StatementState::leaf(int64_t number) const {
    if (number < 0 || static_cast<size_t>(number) >= leaves_.size()) return nullptr;
    return &leaves_[static_cast<size_t>(number)];
}

const TableCall* StatementState::table_call(int64_t number) const {
    if (number < 0 || static_cast<size_t>(number) >= table_calls_.size()) return nullptr;
    return &table_calls_[static_cast<size_t>(number)];
}

Result<RowPiecesPtr> StatementState::open(const Leaf& leaf, std::span<const int> columns) {
    const ScopedLock lock(open_mutex_);
    return leaf.open(columns);
}

std::string StatementState::record(Error error) {
    const ScopedLock lock(errors_mutex_);
    if (errors_.size() < kErrorsMax) errors_.push_back(std::move(error));
    return fmt::format("{}{};", kMarker, errors_.size() - 1);
}

std::optional<Error> StatementState::recorded(std::string_view message) const {
    const size_t at = message.find(kMarker);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view digits = message.substr(at + kMarker.size());
    size_t number = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const ScopedLock lock(errors_mutex_);
    if (code != std::errc() || number >= errors_.size()) return std::nullopt;
    return errors_[number];
}

void StatementRegistry::add(uint64_t connection, StatementPtr statement) {
    const ScopedLock lock(mutex_);
    statements_[connection] = std::move(statement);
}

void StatementRegistry::remove(uint64_t connection) {
    StatementPtr removed;  // let go of outside the lock
    const ScopedLock lock(mutex_);
    const auto found = statements_.find(connection);
    if (found == statements_.end()) return;
    removed = std::move(found->second);
    statements_.erase(found);
}

StatementPtr StatementRegistry::find(uint64_t connection) const {
    const ScopedLock lock(mutex_);
    const auto found = statements_.find(connection);
    return found == statements_.end() ? nullptr : found->second;
}

StatementPtr StatementRegistry::find_and_release(_duckdb_client_context* context) const {
    if (context == nullptr) return nullptr;
    const uint64_t connection = duckdb_client_context_get_connection_id(context);
    duckdb_destroy_client_context(&context);
    return find(connection);
}

}  // namespace braid::read
