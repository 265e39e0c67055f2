// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "columnar/column.h"
#include "columnar/kind_switch.h"
#include "operators/expr/body_registry.h"

/// What bodies are written with: readers of arguments and loops over rows.
namespace braid::operators {

/// Facts of a body that decide how a program calls it.
struct BodyTraits {
    /// It cannot fail and costs about as much as copying its arguments: worth computing for rows
    /// that nobody may need.
    bool is_cheap = false;
};

/// Built-in bodies, each family adding its own.
class BodyTable {
  public:
    struct Entry {
        Body body;
        BodyTraits traits;
    };
    void add(std::string_view key, Body body) {
        entries_[std::string(key)] = {std::move(body), {}};
    }
    void add_cheap(std::string_view key, Body body) {
        entries_[std::string(key)] = {std::move(body), {.is_cheap = true}};
    }
    const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }

  private:
    std::map<std::string, Entry, std::less<>> entries_;
};

void add_compare_bodies(BodyTable& table);
void add_integer_bodies(BodyTable& table);
void add_float_bodies(BodyTable& table);
void add_numeric_bodies(BodyTable& table);
void add_text_bodies(BodyTable& table);
void add_text_slice_bodies(BodyTable& table);
void add_text_format_bodies(BodyTable& table);
void add_like_bodies(BodyTable& table);
void add_regex_bodies(BodyTable& table);
void add_similar_bodies(BodyTable& table);
void add_time_bodies(BodyTable& table);
void add_time_field_bodies(BodyTable& table);
void add_time_bin_bodies(BodyTable& table);
void add_to_char_bodies(BodyTable& table);
void add_cast_bodies(BodyTable& table);
void add_array_bodies(BodyTable& table);
void add_enrich_bodies(BodyTable& table);

/// The body for a function: the context's own, the registered, the built-in one; null if there is
/// none.
const BodyTable::Entry* find_body(const plan::Function& function, const EvaluationContext& context,
                                  BodyTable::Entry& storage);

/// Reads an argument row by row; a constant is read again and again.
template <typename T>
class Reader {
  public:
    explicit Reader(const Column& column)
        : values_(column.values<T>().data()),
          stride_(column.encoding() == Column::Encoding::kConstant ? 0 : 1) {}
    const T& operator[](size_t row) const { return values_[row * stride_]; }
    bool is_constant() const { return stride_ == 0; }
    const T* data() const { return values_; }

  private:
    const T* values_;
    size_t stride_;
};

template <typename T>
Reader<T> reader(const Call& call, size_t argument) {
    return Reader<T>(call.arguments[argument]);
}

/// For one row at a time, where a loop over all arguments is not worth writing.
inline bool is_null(const Call& call, size_t argument, size_t row) {
    return call.arguments[argument].is_null(row);
}

/// `validity` without the rows that are inactive or have failed; empty stays empty if that leaves
/// all.
std::vector<uint8_t> masked_validity(const Call& call, std::vector<uint8_t> validity);

template <typename R>
Column make_column(const Call& call, std::vector<R> values, std::vector<uint8_t> validity = {}) {
    return Column::flat<R>(call.result, std::move(values),
                           masked_validity(call, std::move(validity)));
}

/// What a row costs at least, as Pace counts: a body may do some microseconds of arithmetic for it.
inline constexpr size_t kRowWork = 256;

/// What a row with these values costs: that, and the bytes of its texts.
template <typename... A>
size_t row_work(const A&... values) {
    const auto bytes_of = [](const auto& value) -> size_t {
        if constexpr (std::same_as<std::remove_cvref_t<decltype(value)>, std::string_view>) {
            return value.size();
        }
        return 0;
    };
    return (kRowWork + ... + bytes_of(values));
}

/// R of each row by `compute(arguments...)`, which cannot fail.
template <typename R, typename... A, typename F>
Column map_total(Call& call, F compute) {
    std::vector<R> out(call.rows);
    [&]<size_t... I>(std::index_sequence<I...>) {
        const std::tuple<Reader<A>...> in{reader<A>(call, I)...};
        for (size_t row = 0; row < call.rows; ++row) {
            if constexpr ((std::same_as<A, std::string_view> || ...)) {
                if (!call.pace.spend(row_work(std::get<I>(in)[row]...))) break;
            }
            out[row] = compute(std::get<I>(in)[row]...);
        }
    }(std::index_sequence_for<A...>{});
    return make_column(call, std::move(out));
}

/// R of each active row by `compute(arguments...)`, which gives Result<R>.
template <typename R, typename... A, typename F>
Column map_fallible(Call& call, F compute) {
    std::vector<R> out(call.rows);
    [&]<size_t... I>(std::index_sequence<I...>) {
        const std::tuple<Reader<A>...> in{reader<A>(call, I)...};
        for (size_t row = 0; row < call.rows; ++row) {
            if (!call.is_active(row)) continue;
            if (!call.pace.spend(row_work(std::get<I>(in)[row]...))) break;
            auto result = compute(std::get<I>(in)[row]...);
            if (result.has_value()) {
                out[row] = std::move(result).value();
            } else {
                call.errors.push_back({static_cast<uint32_t>(row), std::move(result).error()});
            }
        }
    }(std::index_sequence_for<A...>{});
    return make_column(call, std::move(out));
}

/// The same where the result may be NULL: `compute` gives Result<std::optional<R>>.
template <typename R, typename... A, typename F>
Column map_nullable(Call& call, F compute) {
    std::vector<R> out(call.rows);
    std::vector<uint8_t> validity(call.rows, 0);
    [&]<size_t... I>(std::index_sequence<I...>) {
        const std::tuple<Reader<A>...> in{reader<A>(call, I)...};
        for (size_t row = 0; row < call.rows; ++row) {
            if (!call.is_active(row)) continue;
            if (!call.pace.spend(row_work(std::get<I>(in)[row]...))) break;
            Result<std::optional<R>> result = compute(std::get<I>(in)[row]...);
            if (!result.has_value()) {
                call.errors.push_back({static_cast<uint32_t>(row), std::move(result).error()});
            } else if (result->has_value()) {
                out[row] = **result;
                validity[row] = 1;
            }
        }
    }(std::index_sequence_for<A...>{});
    return make_column(call, std::move(out), std::move(validity));
}

/// No function makes a longer text: 4 MiB, four times the largest record. PostgreSQL's limit is 1
/// GB.
inline constexpr size_t kTextResultBytesMax = size_t{4} << 20;
Error text_too_long();

/// Builds a text result: rows start NULL, and get bytes of their own or a view into an argument.
class TextResult {
  public:
    explicit TextResult(Call& call);
    /// Copies the bytes. Sets an error when they are too long; stops the call when the statement
    /// may not hold them too.
    void set(size_t row, std::string_view bytes);
    /// The bytes belong to an argument of the call, or to something that lives as long as the
    /// program's state.
    void set_view(size_t row, std::string_view bytes) {
        values_[row] = bytes;
        validity_[row] = 1;
    }
    void fail(size_t row, Error error);
    Column finish();

  private:
    struct Arena;
    Call& call_;
    std::vector<std::string_view> values_;
    std::vector<uint8_t> validity_;
    std::shared_ptr<Arena> arena_;
};

/// Text of each active row, appended by `write(std::string& out, arguments...)` to an empty `out`;
/// it gives Result<void> or nothing, or bool where false is NULL.
template <typename... A, typename F>
Column map_text(Call& call, F write) {
    TextResult result(call);
    std::string scratch;
    [&]<size_t... I>(std::index_sequence<I...>) {
        const std::tuple<Reader<A>...> in{reader<A>(call, I)...};
        for (size_t row = 0; row < call.rows; ++row) {
            if (!call.is_active(row)) continue;
            if (!call.pace.spend(row_work(std::get<I>(in)[row]...))) break;
            scratch.clear();
            using Written = decltype(write(scratch, std::get<I>(in)[row]...));
            if constexpr (std::is_void_v<Written>) {
                write(scratch, std::get<I>(in)[row]...);
                result.set(row, scratch);
            } else if constexpr (std::same_as<Written, bool>) {
                if (write(scratch, std::get<I>(in)[row]...)) result.set(row, scratch);
            } else {
                Written written = write(scratch, std::get<I>(in)[row]...);
                if (written.has_value()) {
                    result.set(row, scratch);
                } else {
                    result.fail(row, std::move(written).error());
                }
            }
        }
    }(std::index_sequence_for<A...>{});
    return result.finish();
}

/// Text of each active row as a part of an argument: `slice(arguments...)` gives a view.
template <typename... A, typename F>
Column map_slice(Call& call, F slice) {
    TextResult result(call);
    [&]<size_t... I>(std::index_sequence<I...>) {
        const std::tuple<Reader<A>...> in{reader<A>(call, I)...};
        for (size_t row = 0; row < call.rows; ++row) {
            if (!call.is_active(row)) continue;
            if (!call.pace.spend(row_work(std::get<I>(in)[row]...))) break;
            result.set_view(row, slice(std::get<I>(in)[row]...));
        }
    }(std::index_sequence_for<A...>{});
    return result.finish();
}

/// The object of type T that a call site keeps, made at the first call.
template <typename T>
T& call_state(Call& call) {
    if (call.state == nullptr) call.state = std::make_shared<T>();
    return *static_cast<T*>(call.state.get());
}

/// Things compiled from texts (patterns, formats, zone names) at one call site: nearly always one,
/// the constant; a site whose text varies keeps up to `kMax`, of `kTextBytesMax` together, and then
/// starts again. So one that is longer is the only one.
template <typename T>
class Compiled {
  public:
    static constexpr size_t kMax = 256;
    /// What is made may take a hundred times as many bytes.
    static constexpr size_t kTextBytesMax = size_t{256} << 10;

    /// The thing made from `text`, by `make(text)` if it is new. Result's value is never null.
    template <typename F>
    Result<const T*> get(std::string_view text, F make) {
        if (last_ != nullptr && last_text_ == text) return last_;
        auto found = all_.find(text);
        if (found == all_.end()) {
            auto made = make(text);
            if (!made.has_value()) return std::move(made).error();
            if (all_.size() >= kMax || text_bytes_ + text.size() > kTextBytesMax) {
                all_.clear();
                text_bytes_ = 0;
            }
            found = all_.emplace(std::string(text), std::move(made).value()).first;
            text_bytes_ += text.size();
        }
        last_text_ = found->first;
        last_ = &found->second;
        return last_;
    }

  private:
    std::map<std::string, T, std::less<>> all_;
    size_t text_bytes_ = 0;
    std::string_view last_text_;
    const T* last_ = nullptr;
};

}  // namespace braid::operators
