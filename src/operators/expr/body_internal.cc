// SPDX-License-Identifier: Apache-2.0
#include "operators/expr/body_internal.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error_makers.h"

namespace braid::operators {

namespace {

constexpr size_t kArenaChunkBytes = size_t{64} << 10;

}  // namespace

struct TextResult::Arena {
    explicit Arena(const StatementLimits& limits) : held(limits) {}

    HeldMemory held;
    std::vector<std::unique_ptr<char[]>> chunks;
    char* free = nullptr;
    size_t free_bytes = 0;
    // Views may point into the arguments: their copies share the buffers.
    std::vector<Column> arguments;

    Result<std::string_view> copy(std::string_view bytes) {
        if (bytes.size() > free_bytes) {
            const size_t chunk = std::max(bytes.size(), kArenaChunkBytes);
            TRY(held.take(chunk));
            chunks.push_back(std::make_unique_for_overwrite<char[]>(chunk));
            free = chunks.back().get();
            free_bytes = chunk;
        }
        char* const at = free;
        std::memcpy(at, bytes.data(), bytes.size());
        free += bytes.size();
        free_bytes -= bytes.size();
        return std::string_view(at, bytes.size());
    }
};

void Pace::stop(Error error) {
    if (!stopped_) stopped_ = std::move(error);
    left_ = 0;
}

bool Pace::ask() {
    if (stopped_) return false;
    if (Result<void> going = limits_.check(); !going.has_value()) {
        stop(std::move(going).error());
        return false;
    }
    left_ = kBytesBetween;
    return true;
}

Error text_too_long() {
    return invalid_input("text of more than {} bytes", kTextResultBytesMax)
        .with_hint("Make it of fewer or shorter parts.")
        .with_sqlstate("54000");
}

std::vector<uint8_t> masked_validity(const Call& call, std::vector<uint8_t> validity) {
    if (validity.empty()) {
        if (call.active.empty() && call.errors.empty()) return validity;
        validity.assign(call.rows, 1);
    }
    for (size_t row = 0; row < call.active.size(); ++row) validity[row] &= call.active[row];
    for (const RowError& failed : call.errors) validity[failed.row] = 0;
    return validity;
}

TextResult::TextResult(Call& call)
    : call_(call),
      values_(call.rows),
      validity_(call.rows, 0),
      arena_(std::make_shared<Arena>(call.pace.limits())) {
    for (const Column& argument : call.arguments) {
        if (argument.type().kind == TypeKind::kText) arena_->arguments.push_back(argument);
    }
}

void TextResult::set(size_t row, std::string_view bytes) {
    if (bytes.size() > kTextResultBytesMax) return fail(row, text_too_long());
    // An empty text has an address like any other: libraries take null for no text at all.
    if (bytes.empty()) return set_view(row, std::string_view(""));
    Result<std::string_view> copy = arena_->copy(bytes);
    if (!copy.has_value()) return call_.pace.stop(std::move(copy).error());
    call_.pace.spend(bytes.size());
    set_view(row, *copy);
}

void TextResult::fail(size_t row, Error error) {
    call_.errors.push_back({static_cast<uint32_t>(row), std::move(error)});
}

Column TextResult::finish() {
    if (std::ranges::find(validity_, 0) == validity_.end()) validity_.clear();
    return Column::flat<std::string_view>(call_.result, std::move(values_), std::move(validity_),
                                          std::move(arena_));
}

}  // namespace braid::operators
