// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "net/http_parser.h"

namespace {

using braid::net::HttpParse;
using braid::net::HttpRequestParser;

constexpr size_t kBodyBytesMax = 4096;

/// Feeds a request in pieces of `step` bytes, as a server would, and gives how it ended.
HttpParse read_request(std::string_view bytes, size_t step, std::string& body) {
    HttpRequestParser parser;
    std::string waiting;
    HttpParse parse = HttpParse::kNeedsMore;
    while (parse == HttpParse::kNeedsMore && !bytes.empty()) {
        const std::string_view piece = bytes.substr(0, step);
        bytes.remove_prefix(piece.size());
        waiting += piece;
        bool again = true;
        while (again) {
            size_t taken = 0;
            parse = parser.put(waiting, taken);
            CHECK_LE(taken, waiting.size());
            waiting.erase(0, taken);
            again = parse == HttpParse::kHeaderDone;
            if (!again) continue;
            parse = parser.allow_body(kBodyBytesMax);
            again = parse == HttpParse::kNeedsMore && !waiting.empty();
        }
    }
    if (parse == HttpParse::kDone) {
        body = parser.request().body;
        CHECK_LE(body.size(), kBodyBytesMax);
    }
    if (parse == HttpParse::kFault) CHECK_GE(parser.fault().status, 400);
    return parse;
}

}  // namespace

/// A request must be understood alike however it is cut into packets.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), std::min(size, size_t{8192}));
    std::string whole;
    std::string pieces;
    const HttpParse first = read_request(bytes, bytes.size() + 1, whole);
    const HttpParse second = read_request(bytes, 1, pieces);
    if (first == HttpParse::kDone) {
        CHECK(second == HttpParse::kDone);
        CHECK(whole == pieces);
    }
    return 0;
}
