// SPDX-License-Identifier: Apache-2.0
// Leads a node through its time in fast motion and prints what it weighs, one line of CSV a row;
// tests/prove/age.py starts it. No sync is waited for.
#include <charconv>
#include <cstdio>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <unistd.h>

#include <fmt/format.h>

#include "base/error_makers.h"
#include "tests/prove/age/life.h"

namespace braid::testing {

namespace {

constexpr double kSecondUs = 1e6;
constexpr double kDayUs = 86'400 * kSecondUs;

Result<double> number_of(std::string_view word, std::string_view text) {
    double number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size()) return number;
    return invalid_input("{} {} is not a number", word, text);
}

Result<AgeOptions> read_arguments(std::span<char* const> words) {
    AgeOptions options;
    const auto us = [](int64_t& into, double unit) {
        return [&into, unit](double number) { into = static_cast<int64_t>(number * unit); };
    };
    const auto same = [](double& into) { return [&into](double number) { into = number; }; };
    const std::map<std::string_view, std::function<void(double)>> known = {
        {"--days", same(options.days)},
        {"--from", us(options.from_us, kDayUs)},
        {"--rate", same(options.events_per_second)},
        {"--seal-every", us(options.seal_every_us, kSecondUs)},
        {"--batch-every", us(options.batch_every_us, kSecondUs)},
        {"--full-every", us(options.batch_full_every_us, kSecondUs)},
        {"--sample-every", us(options.sample_every_us, kSecondUs)},
    };
    for (size_t at = 1; at + 1 < words.size(); at += 2) {
        const std::string_view word = words[at];
        const std::string_view value = words[at + 1];
        if (word == "--data") {
            options.data = value;
        } else if (word == "--retention") {
            options.retention = value;
        } else if (const auto place = known.find(word); place != known.end()) {
            place->second(TRY(number_of(word, value)));
        } else {
            return invalid_input("unknown argument {}", word);
        }
    }
    if (options.data.empty()) return invalid_input("no --data DIRECTORY is given");
    return options;
}

void print(const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
}

Result<void> run(const AgeOptions& options) {
    const auto aged = TRY(AgedNode::open(options));
    print(AgeRow::header());
    print(TRY(aged->look()).to_csv());
    while (!aged->has_ended()) {
        TRY(aged->live());
        print(TRY(aged->look()).to_csv());
    }
    return aged->close();
}

int main_of(std::span<char* const> words) {
    const auto options = read_arguments(words);
    const auto done = options ? run(*options) : Result<void>(options.error());
    if (done) return 0;
    fmt::print(stderr, "braid_age: {}\n", done.error().to_string());
    return 1;
}

}  // namespace

}  // namespace braid::testing

int main(int count, char** words) {
    return braid::testing::main_of({words, static_cast<size_t>(count)});
}
