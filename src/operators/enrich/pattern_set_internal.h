// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "operators/enrich/regexes_yaml_internal.h"

namespace braid::operators {

/// Finds the first of many patterns that matches a text. Hyperscan says which may match, in time
/// that does not depend on how many there are or how hostile the text is; RE2 confirms the first
/// and gives its groups. Thread-safe: each call borrows a scratch space of its own.
class PatternSet {
  public:
    /// `compiled` is what serialize() gave for the same patterns, or empty; if it does not fit this
    /// machine it is made anew.
    static Result<std::unique_ptr<PatternSet>> create(std::vector<UserAgentRule> rules,
                                                      std::string_view compiled);
    ~PatternSet();

    /// The family by the first matching rule; nothing if none matches.
    std::optional<std::string> find(std::string_view text) const;
    /// The compiled automaton as bytes.
    std::string serialize() const;
    /// create() could use `compiled`.
    bool was_restored() const;

  private:
    PatternSet();
    struct Body;
    std::unique_ptr<Body> body_;
};

}  // namespace braid::operators
