// SPDX-License-Identifier: Apache-2.0
#include "net/http.h"

#include <algorithm>
#include <array>

namespace braid::net {

namespace {

char lower(char each) { return each >= 'A' && each <= 'Z' ? static_cast<char>(each + 32) : each; }

int hex_digit(char each) {
    if (each >= '0' && each <= '9') return each - '0';
    each = lower(each);
    return each >= 'a' && each <= 'f' ? each - 'a' + 10 : -1;
}

bool parse_query(std::string_view text, HttpRequest& request) {
    while (!text.empty()) {
        const std::string_view pair = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(pair.size() + 1, text.size()));
        if (pair.empty()) continue;
        const size_t equals = std::min(pair.find('='), pair.size());
        auto& [name, value] = request.query.emplace_back();
        if (!percent_decode(pair.substr(0, equals), true, name)) return false;
        if (equals < pair.size() && !percent_decode(pair.substr(equals + 1), true, value))
            return false;
    }
    return true;
}

struct Reason {
    int status;
    std::string_view phrase;
};

constexpr std::array kReasons = {
    Reason{100, "Continue"},
    Reason{200, "OK"},
    Reason{204, "No Content"},
    Reason{400, "Bad Request"},
    Reason{403, "Forbidden"},
    Reason{404, "Not Found"},
    Reason{405, "Method Not Allowed"},
    Reason{406, "Not Acceptable"},
    Reason{408, "Request Timeout"},
    Reason{409, "Conflict"},
    Reason{413, "Content Too Large"},
    Reason{414, "URI Too Long"},
    Reason{415, "Unsupported Media Type"},
    Reason{417, "Expectation Failed"},
    Reason{421, "Misdirected Request"},
    Reason{422, "Unprocessable Content"},
    Reason{429, "Too Many Requests"},
    Reason{431, "Request Header Fields Too Large"},
    Reason{499, "Client Closed Request"},
    Reason{500, "Internal Server Error"},
    Reason{501, "Not Implemented"},
    Reason{503, "Service Unavailable"},
    Reason{504, "Gateway Timeout"},
    Reason{505, "HTTP Version Not Supported"},
};

}  // namespace

bool equal_ignoring_case(std::string_view left, std::string_view right) {
    return std::ranges::equal(left, right, {}, lower, lower);
}

const std::string* find_header(const std::vector<HttpHeader>& headers, std::string_view name) {
    for (const HttpHeader& each : headers) {
        if (equal_ignoring_case(each.name, name)) return &each.value;
    }
    return nullptr;
}

const std::string* HttpRequest::parameter(std::string_view name) const {
    for (const auto& [key, value] : query) {
        if (key == name) return &value;
    }
    return nullptr;
}

bool percent_decode(std::string_view text, bool plus_is_space, std::string& out) {
    for (size_t i = 0; i < text.size(); ++i) {
        char each = text[i];
        if (each == '%') {
            if (i + 2 >= text.size()) return false;
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0) return false;
            each = static_cast<char>(high * 16 + low);
            i += 2;
        } else if (each == '+' && plus_is_space) {
            each = ' ';
        }
        if (each == '\0') return false;
        out += each;
    }
    return true;
}

std::string percent_encode(std::string_view text) {
    static constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    for (const char each : text) {
        const bool is_plain = (each >= '0' && each <= '9') || (each >= 'a' && each <= 'z') ||
                              (each >= 'A' && each <= 'Z') ||
                              std::string_view("-._~").find(each) != std::string_view::npos;
        if (is_plain) {
            out += each;
            continue;
        }
        const auto byte = static_cast<unsigned char>(each);
        out += {'%', kDigits[byte / 16U], kDigits[byte % 16U]};
    }
    return out;
}

bool parse_target(std::string_view target, HttpRequest& request) {
    request.target = target;
    if (!target.starts_with('/')) return false;
    target = target.substr(0, target.find('#'));
    const size_t question = std::min(target.find('?'), target.size());
    std::string_view path = target.substr(0, question);
    while (!path.empty()) {
        path.remove_prefix(1);  // the slash
        const std::string_view part = path.substr(0, path.find('/'));
        path.remove_prefix(part.size());
        if (part.empty() && path.empty()) break;  // "/" and a slash at the end name nothing
        if (!percent_decode(part, false, request.path.emplace_back())) return false;
    }
    return question == target.size() || parse_query(target.substr(question + 1), request);
}

std::string_view reason_phrase(int status) {
    const auto* place = std::ranges::find(kReasons, status, &Reason::status);
    return place == kReasons.end() ? "Unknown" : place->phrase;
}

}  // namespace braid::net
