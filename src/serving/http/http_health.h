// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/health.h"
#include "net/http.h"

namespace braid::serving {

/// What probes are told: 503 while the node starts or stops, or a part is ill, 200 else. Well and
/// not asked for JSON it is one word; otherwise
/// {"status", "parts": [{"part", "stream", "state", "reason", "since"}]}.
/// `word` is that word, "ready" say. `health` may be null.
net::HttpResponse health_response(const net::HttpRequest& request, std::string_view word,
                                  bool is_ready, const Health* health);

}  // namespace braid::serving
