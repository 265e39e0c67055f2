// SPDX-License-Identifier: Apache-2.0
#include <exception>

#include <yaml-cpp/yaml.h>

#include "base/error_makers.h"
#include "operators/enrich/regexes_yaml_internal.h"

namespace braid::operators {

namespace {

std::vector<UserAgentRule> read_rules(const YAML::Node& list, const char* replacement) {
    std::vector<UserAgentRule> rules;
    rules.reserve(list.size());
    for (const YAML::Node& node : list) {
        UserAgentRule rule;
        rule.pattern = node["regex"].as<std::string>();
        rule.ignore_case = node["regex_flag"].as<std::string>("") == "i";
        rule.family = node[replacement].as<std::string>("");
        rules.push_back(std::move(rule));
    }
    return rules;
}

}  // namespace

Result<UserAgentRuleSet> parse_regexes_yaml(std::string_view text) {
    // The device rules are the longer half of the file and nobody asks for them.
    const std::string wanted(text.substr(0, text.find("\ndevice_parsers:")));
    try {
        const YAML::Node root = YAML::Load(wanted);
        UserAgentRuleSet rules;
        rules.browsers = read_rules(root["user_agent_parsers"], "family_replacement");
        rules.systems = read_rules(root["os_parsers"], "os_replacement");
        if (rules.browsers.empty() || rules.systems.empty()) {
            return invalid_input("user agent rules lack user_agent_parsers or os_parsers");
        }
        return rules;
    } catch (const std::exception& error) {
        return invalid_input("user agent rules cannot be read: {}", error.what());
    }
}

}  // namespace braid::operators
