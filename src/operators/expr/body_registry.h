// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "columnar/column.h"
#include "operators/expr/evaluator.h"
#include "plan/function.h"

namespace braid::operators {

/// Keeps a body's loops within the limits of its statement. They are asked once for each MiB of
/// work, so that rows of a few bytes cost an addition.
class Pace {
  public:
    explicit Pace(const StatementLimits& limits) : limits_(limits) {}
    Pace(const Pace&) = delete;
    Pace& operator=(const Pace&) = delete;

    /// Before work on about so many bytes. False once the statement must end: the body then gives
    /// what it has, and all its rows fail.
    bool spend(size_t bytes) {
        left_ -= static_cast<int64_t>(bytes);
        return left_ > 0 || ask();
    }
    void stop(Error error);
    const std::optional<Error>& stopped() const { return stopped_; }
    const StatementLimits& limits() const { return limits_; }

  private:
    static constexpr int64_t kBytesBetween = int64_t{1} << 20;
    bool ask();

    const StatementLimits& limits_;
    int64_t left_ = kBytesBetween;
    std::optional<Error> stopped_;
};

/// One call of a function over a batch, as its body sees it.
struct Call {
    const plan::Function& function;
    /// The type wanted, with precision.
    Type result;
    /// One per argument, of length `rows`; flat or constant, never a dictionary. Arguments of type
    /// "any" come as text.
    std::span<const Column> arguments;
    size_t rows = 0;
    /// 1 = compute this row; empty = all of them. Other rows hold readable nonsense: a body may
    /// compute with it but must not fail for it. A strict function's rows with a NULL argument are
    /// inactive.
    std::span<const uint8_t> active;
    const EvaluationContext& context;
    Pace& pace;
    /// Where the body reports rows that fail, ascending.
    std::vector<RowError>& errors;
    /// Kept between calls at one place of one program, for what constants were compiled into. Null
    /// at first.
    std::shared_ptr<void>& state;

    bool is_active(size_t row) const { return active.empty() || active[row] != 0; }
};

/// Gives a column of length call.rows. Inactive and failed rows are NULL, or anything: the caller
/// masks them.
using Body = std::function<Column(Call& call)>;
using BodyMap = std::map<std::string, Body, std::less<>>;

/// Gives a function of plan/function.h its body, by key. For floors above, before the first
/// statement; bodies that depend on the session go into EvaluationContext::bodies instead.
/// Thread-safe.
void register_body(std::string key, Body body);

/// True if the function can be called without a session's own bodies.
bool has_body(const plan::Function& function);

}  // namespace braid::operators
