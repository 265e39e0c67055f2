// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"

namespace braid::serving {

/// What a Content-Type says, in lower case.
struct MediaType {
    std::string name;  // "application/json"
    std::string charset;
};

/// Nullopt for what is no media type.
std::optional<MediaType> parse_media_type(std::string_view text);

/// How well a media type fits all Accept headers of a request: by the most specific range that
/// fits it. Without a header everything is welcome.
struct Welcome {
    int quality = 0;  // thousandths; 0: not acceptable
    int specificity = 0;
    size_t position = 0;  // of the range in the list
};
Welcome welcome_of(std::string_view media_type, const std::vector<net::HttpHeader>& headers);

/// Why a request's body cannot be what its headers say, for 415; empty when it can. Records of a
/// stream of that format, or a statement. Types that senders give without meaning anything (plain
/// text, octets, a form) are taken as what is expected.
std::string wrong_type_of_records(const net::HttpRequest& request, std::string_view format);
std::string wrong_type_of_statement(const net::HttpRequest& request);

}  // namespace braid::serving
