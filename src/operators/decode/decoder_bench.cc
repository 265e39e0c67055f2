// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/random.h"
#include "operators/decode/decoder.h"
#include "plan/view_plan.h"

namespace braid::operators {
namespace {

constexpr size_t kSliceRows = 4096;
constexpr size_t kSlices = 16;

/// Records end to end in one buffer, as a log block holds them.
class Records {
  public:
    void add(const std::string& record) {
        bytes_ += record;
        ends_.push_back(bytes_.size());
    }
    std::vector<std::string_view> views() const {
        std::vector<std::string_view> out;
        size_t from = 0;
        for (const size_t end : ends_) {
            out.push_back(std::string_view(bytes_).substr(from, end - from));
            from = end;
        }
        return out;
    }
    size_t bytes() const { return bytes_.size(); }

  private:
    std::string bytes_;
    std::vector<size_t> ends_;
};

std::string uuid(Random& random) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    for (int i = 0; i < 36; ++i) {
        const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        out.push_back(is_dash ? '-' : kDigits[random.below(16)]);
    }
    return out;
}

/// An event of the Yahoo Streaming Benchmark, 253 bytes in the mean.
std::string ysb_event(Random& random) {
    static constexpr std::array kAdTypes = {"banner", "modal", "sponsored-search", "mail",
                                            "mobile"};
    static constexpr std::array kEventTypes = {"view", "click", "purchase"};
    return "{\"user_id\": \"" + uuid(random) + "\", \"page_id\": \"" + uuid(random) +
           "\", \"ad_id\": \"" + uuid(random) + "\", \"ad_type\": \"" + kAdTypes[random.below(5)] +
           "\", \"event_type\": \"" + kEventTypes[random.below(3)] + "\", \"event_time\": \"" +
           std::to_string(1'430'000'000'000 + random.below(1'000'000'000)) +
           "\", \"ip_address\": \"1.2.3.4\"}";
}

std::string log_line(Random& random) {
    static constexpr std::array kAgents = {
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/32.0.1700.77 Safari/537.36",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "UniversalFeedParser/4.2-pre-314-svn +http://feedparser.org/",
    };
    const auto number = [&](uint64_t bound) { return std::to_string(random.below(bound)); };
    const auto pair = [&](uint64_t bound) {
        const std::string digits = number(bound);
        return digits.size() == 1 ? "0" + digits : digits;
    };
    return number(256) + "." + number(256) + "." + number(256) + "." + number(256) +
           " - - [17/May/2015:" + pair(24) + ":" + pair(60) + ":" + pair(60) +
           " +0000] \"GET /presentations/logstash-" + number(10'000) +
           "/images/kibana-search.png HTTP/1.1\" " + "200 " + number(300'000) +
           " \"http://semicomplete.com/presentations/logstash-" + number(100) + "/\" \"" +
           kAgents[random.below(3)] + "\"";
}

struct Case {
    DecoderSpec spec;
    std::vector<bool> wanted;
};

Case make_case(std::string format, const std::vector<std::pair<std::string, TypeKind>>& columns,
               const std::vector<std::string>& wanted) {
    Case out;
    out.spec.format = std::move(format);
    for (const auto& [name, kind] : columns) {
        out.spec.columns.fields.push_back({name, Type::of(kind)});
        out.wanted.push_back(std::find(wanted.begin(), wanted.end(), name) != wanted.end());
    }
    out.wanted.resize(columns.size() + plan::kSystemColumnCount, false);
    return out;
}

void run(benchmark::State& state, const Case& of, std::string (*make)(Random&)) {
    Random random(1);
    Records records;
    for (size_t i = 0; i < kSliceRows * kSlices; ++i) records.add(make(random));
    const std::vector<std::string_view> views = records.views();
    const auto decoder = std::move(make_decoder(of.spec)).value();
    size_t slice = 0;
    DecodedSlice out;
    for (auto _ : state) {
        RecordSlice in;
        in.records = std::span(views).subspan(slice * kSliceRows, kSliceRows);
        decoder->decode(in, of.wanted, out);
        if (out.good.size() != kSliceRows) state.SkipWithError("a record is bad");
        slice = (slice + 1) % kSlices;
    }
    const auto rows = static_cast<int64_t>(state.iterations() * kSliceRows);
    state.SetItemsProcessed(rows);
    state.SetBytesProcessed(rows * static_cast<int64_t>(records.bytes() / views.size()));
}

void BM_YsbThreeOfSevenColumns(benchmark::State& state) {
    run(state,
        make_case("json",
                  {{"user_id", TypeKind::kText},
                   {"page_id", TypeKind::kText},
                   {"ad_id", TypeKind::kText},
                   {"ad_type", TypeKind::kText},
                   {"event_type", TypeKind::kText},
                   {"event_time", TypeKind::kText},
                   {"ip_address", TypeKind::kText}},
                  {"ad_id", "event_type", "event_time"}),
        ysb_event);
}
BENCHMARK(BM_YsbThreeOfSevenColumns);

void BM_YsbThreeColumns(benchmark::State& state) {
    run(state,
        make_case("json",
                  {{"ad_id", TypeKind::kText},
                   {"event_type", TypeKind::kText},
                   {"event_time", TypeKind::kInt8}},
                  {"ad_id", "event_type", "event_time"}),
        ysb_event);
}
BENCHMARK(BM_YsbThreeColumns);

/// Every second record has its keys in another order of spaces, so the shapes take turns.
void BM_YsbTwoShapes(benchmark::State& state) {
    run(state,
        make_case("json", {{"ad_id", TypeKind::kText}, {"event_time", TypeKind::kInt8}},
                  {"ad_id", "event_time"}),
        [](Random& random) {
            std::string event = ysb_event(random);
            if (random.below(2) == 0) event.insert(1, " ");
            return event;
        });
}
BENCHMARK(BM_YsbTwoShapes);

/// An escape in each record: always the conforming reader.
void BM_YsbConforming(benchmark::State& state) {
    run(state,
        make_case("json", {{"ad_id", TypeKind::kText}, {"event_time", TypeKind::kInt8}},
                  {"ad_id", "event_time"}),
        [](Random& random) {
            std::string event = ysb_event(random);
            event.insert(event.size() - 2, "\\n");
            return event;
        });
}
BENCHMARK(BM_YsbConforming);

const std::vector<std::pair<std::string, TypeKind>> kLogColumns = {
    {"ip", TypeKind::kText},      {"at", TypeKind::kTimestampTz}, {"method", TypeKind::kText},
    {"path", TypeKind::kText},    {"status", TypeKind::kInt4},    {"bytes", TypeKind::kInt8},
    {"referer", TypeKind::kText}, {"agent", TypeKind::kText},
};

void BM_Combined(benchmark::State& state) {
    run(state, make_case("combined", kLogColumns, {"ip", "at", "path", "status", "bytes", "agent"}),
        log_line);
}
BENCHMARK(BM_Combined);

}  // namespace
}  // namespace braid::operators
