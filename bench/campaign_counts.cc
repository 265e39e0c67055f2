// SPDX-License-Identifier: Apache-2.0
#include "bench/campaign_counts.h"

#include <fstream>
#include <map>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/strings/string_view.h>
#include <fmt/format.h>

namespace braid::bench {

struct CampaignCounts::Tables {
    std::vector<std::string> names;
    absl::flat_hash_map<std::string, uint32_t> of_ad;  // index in names
    absl::flat_hash_map<std::pair<uint32_t, int64_t>, int64_t> counts;
};

CampaignCounts::CampaignCounts(std::unique_ptr<Tables> tables) : tables_(std::move(tables)) {}
CampaignCounts::~CampaignCounts() = default;

std::unique_ptr<CampaignCounts> CampaignCounts::read(const std::string& path) {
    auto tables = std::make_unique<Tables>();
    absl::flat_hash_map<std::string, uint32_t> known;
    std::ifstream file(path);
    std::string ad;
    std::string name;
    while (file >> ad >> name) {
        const auto next = static_cast<uint32_t>(tables->names.size());
        const auto [at, is_new] = known.emplace(name, next);
        if (is_new) tables->names.push_back(name);
        tables->of_ad.emplace(ad, at->second);
    }
    if (tables->names.empty()) return nullptr;
    return std::unique_ptr<CampaignCounts>(new CampaignCounts(std::move(tables)));
}

void CampaignCounts::add(std::span<const std::string_view> ads, std::span<const int64_t> spans,
                         std::span<const int64_t> seen) {
    for (size_t row = 0; row < ads.size(); ++row) {
        const absl::string_view ad(ads[row].data(), ads[row].size());
        const auto found = tables_->of_ad.find(ad);
        if (found == tables_->of_ad.end()) continue;
        tables_->counts[{found->second, spans[row]}] += seen[row];
    }
}

size_t CampaignCounts::size() const { return tables_->counts.size(); }

std::string CampaignCounts::to_text() const {
    std::map<std::pair<std::string_view, int64_t>, int64_t> sorted;
    for (const auto& [key, count] : tables_->counts) {
        sorted[{tables_->names[key.first], key.second}] = count;
    }
    std::string text;
    for (const auto& [key, count] : sorted) {
        text += fmt::format("{}|{}|{}\n", key.first, key.second, count);
    }
    return text;
}

}  // namespace braid::bench
