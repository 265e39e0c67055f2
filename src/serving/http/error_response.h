// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/error.h"
#include "net/http.h"

namespace braid::serving {

/// {"code", "message", "detail", "hint", "position"}, without what is not known, under the status
/// that http_status.h gives it.
net::HttpResponse error_response(const Error& error);
/// The same under another status.
net::HttpResponse error_response(const Error& error, int status);
/// For what went wrong before any handler: no SQLSTATE, only the status.
net::HttpResponse fault_response(int status, const std::string& message);

}  // namespace braid::serving
