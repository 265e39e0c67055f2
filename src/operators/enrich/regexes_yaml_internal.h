// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace braid::operators {

/// One rule of uap-core's regexes.yaml.
struct UserAgentRule {
    std::string pattern;
    bool ignore_case = false;
    std::string family;  // replacement, may name $1 … $9; empty = the first group
};

struct UserAgentRuleSet {
    std::vector<UserAgentRule> browsers;  // in file order, first match wins
    std::vector<UserAgentRule> systems;
};

/// Reads the text of a regexes.yaml. yaml-cpp throws; nothing leaves this function but a Result.
Result<UserAgentRuleSet> parse_regexes_yaml(std::string_view text);

}  // namespace braid::operators
