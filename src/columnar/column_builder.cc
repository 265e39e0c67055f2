// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "columnar/column.h"
#include "columnar/kind_switch.h"

namespace braid {
namespace {

/// Where the text of a column lies. Blocks never move, so views into them stay good.
class TextArena {
  public:
    std::string_view copy(std::string_view text) {
        if (text.size() > free_) add_block(text.size());
        char* to = next_;
        std::memcpy(to, text.data(), text.size());
        next_ += text.size();
        free_ -= text.size();
        return {to, text.size()};
    }
    void hold(Keepalive keepalive) { held_.push_back(std::move(keepalive)); }

  private:
    static constexpr size_t kFirstBlockBytes = 1 << 10;
    static constexpr size_t kBlockBytesMax = 1 << 20;

    void add_block(size_t bytes_needed) {
        const size_t bytes = std::max(bytes_needed, block_bytes_);
        block_bytes_ = std::min(block_bytes_ * 2, kBlockBytesMax);
        blocks_.push_back(std::make_unique_for_overwrite<char[]>(bytes));
        next_ = blocks_.back().get();
        free_ = bytes;
    }

    std::vector<std::unique_ptr<char[]>> blocks_;
    std::vector<Keepalive> held_;
    char* next_ = nullptr;
    size_t free_ = 0;
    size_t block_bytes_ = kFirstBlockBytes;
};

}  // namespace

/// Only the vector of the builder's kind is ever filled.
struct ColumnBuilder::Body {
    size_t length = 0;
    std::vector<uint8_t> validity;  // empty until the first NULL
    std::vector<uint8_t> bools;
    std::vector<int32_t> int4s;
    std::vector<int64_t> int8s;
    std::vector<double> float8s;
    std::vector<Numeric> numerics;
    std::vector<Interval64> intervals;
    std::vector<std::string_view> texts;
    std::shared_ptr<TextArena> arena;

    template <typename T>
    std::vector<T>& values() {
        if constexpr (std::is_same_v<T, uint8_t>) return bools;
        if constexpr (std::is_same_v<T, int32_t>) return int4s;
        if constexpr (std::is_same_v<T, int64_t>) return int8s;
        if constexpr (std::is_same_v<T, double>) return float8s;
        if constexpr (std::is_same_v<T, Numeric>) return numerics;
        if constexpr (std::is_same_v<T, Interval64>) return intervals;
        if constexpr (std::is_same_v<T, std::string_view>) return texts;
    }

    template <typename T>
    void push(const T& value) {
        values<T>().push_back(value);
        length++;
        if (!validity.empty()) [[unlikely]]
            validity.push_back(1);
    }

    TextArena& open_arena() {
        if (!arena) arena = std::make_shared<TextArena>();
        return *arena;
    }
};

ColumnBuilder::ColumnBuilder(Type type, size_t reserve)
    : type_(type), body_(std::make_unique<Body>()) {
    switch_kind(type.kind,
                [&]<typename T>(std::type_identity<T>) { body_->values<T>().reserve(reserve); });
}

ColumnBuilder::~ColumnBuilder() = default;
ColumnBuilder::ColumnBuilder(ColumnBuilder&&) noexcept = default;
ColumnBuilder& ColumnBuilder::operator=(ColumnBuilder&&) noexcept = default;

size_t ColumnBuilder::length() const { return body_->length; }

void ColumnBuilder::append_null() {
    Body& body = *body_;
    if (body.validity.empty()) body.validity.assign(body.length, 1);
    switch_kind(type_.kind,
                [&]<typename T>(std::type_identity<T>) { body.values<T>().emplace_back(); });
    body.length++;
    body.validity.push_back(0);
}

void ColumnBuilder::append_bool(bool value) {
    DCHECK(type_.kind == TypeKind::kBool);
    body_->push<uint8_t>(value ? 1 : 0);
}

void ColumnBuilder::append_int4(int32_t value) {
    DCHECK(type_.kind == TypeKind::kInt4 || type_.kind == TypeKind::kDate);
    body_->push(value);
}

void ColumnBuilder::append_int8(int64_t value) {
    DCHECK(type_.kind == TypeKind::kInt8 || type_.kind == TypeKind::kTimestamp ||
           type_.kind == TypeKind::kTimestampTz);
    body_->push(value);
}

void ColumnBuilder::append_float8(double value) {
    DCHECK(type_.kind == TypeKind::kFloat8);
    body_->push(value);
}

void ColumnBuilder::append_numeric(const Numeric& value) {
    DCHECK(type_.kind == TypeKind::kNumeric);
    body_->push(value);
}

void ColumnBuilder::append_interval(const Interval64& value) {
    DCHECK(type_.kind == TypeKind::kInterval);
    body_->push(value);
}

void ColumnBuilder::append_text(std::string_view value) {
    append_text_view(value.empty() ? std::string_view("") : body_->open_arena().copy(value));
}

void ColumnBuilder::append_text_view(std::string_view value) {
    DCHECK(is_text(type_.kind));
    body_->push(value);
}

void ColumnBuilder::append(const Datum& value) {
    if (value.is_null()) return append_null();
    CHECK(value.type.kind == type_.kind || (is_text(value.type.kind) && is_text(type_.kind)));
    switch (type_.kind) {
        case TypeKind::kBool:
            return append_bool(value.as<bool>());
        case TypeKind::kInt4:
        case TypeKind::kDate:
            return append_int4(value.as<int32_t>());
        case TypeKind::kInt8:
        case TypeKind::kTimestamp:
        case TypeKind::kTimestampTz:
            return append_int8(value.as<int64_t>());
        case TypeKind::kNumeric:
            return append_numeric(value.as<Numeric>());
        case TypeKind::kFloat8:
            return append_float8(value.as<double>());
        case TypeKind::kInterval:
            return append_interval(value.as<Interval64>());
        case TypeKind::kUnknown:
        case TypeKind::kText:
            return append_text(value.as<std::string>());
    }
}

void ColumnBuilder::append_from(const Column& column, size_t row) {
    CHECK(column.type().kind == type_.kind || (is_text(column.type().kind) && is_text(type_.kind)));
    if (column.is_null(row)) return append_null();
    switch_kind(type_.kind, [&]<typename T>(std::type_identity<T>) {
        if constexpr (std::is_same_v<T, std::string_view>) {
            append_text(column.at<T>(row));
        } else {
            body_->push(column.at<T>(row));
        }
    });
}

void ColumnBuilder::hold(Keepalive keepalive) { body_->open_arena().hold(std::move(keepalive)); }

Column ColumnBuilder::finish() {
    Body& body = *body_;
    Column column = switch_kind(type_.kind, [&]<typename T>(std::type_identity<T>) {
        return Column::flat(type_, std::move(body.values<T>()), std::move(body.validity),
                            std::move(body.arena));
    });
    body_ = std::make_unique<Body>();
    return column;
}

}  // namespace braid
