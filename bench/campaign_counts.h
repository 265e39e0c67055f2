// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace braid::bench {

/// YSB's join: views of ads as counts per campaign and span of time. Not thread-safe.
class CampaignCounts {
  public:
    /// A file of lines "ad campaign"; null if it has none.
    static std::unique_ptr<CampaignCounts> read(const std::string& path);
    ~CampaignCounts();

    /// Rows of ad, span and how often it was seen; an ad without a campaign counts nowhere.
    void add(std::span<const std::string_view> ads, std::span<const int64_t> spans,
             std::span<const int64_t> seen);
    size_t size() const;
    /// Sorted lines "campaign|span|count".
    std::string to_text() const;

  private:
    struct Tables;
    explicit CampaignCounts(std::unique_ptr<Tables> tables);
    std::unique_ptr<Tables> tables_;
};

}  // namespace braid::bench
