// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/result.h"
#include "columnar/text_io.h"
#include "plan/node.h"

namespace braid::read {

/// `x op ANY ($n)` and `x op ALL ($n)` become comparisons with the elements that the parameter has:
/// an IN list where that says the same, so that the kernel can answer it. The plan itself if it has
/// none. An error is of an element.
Result<plan::NodePtr> with_array_elements(const plan::NodePtr& root,
                                          const std::vector<Datum>& parameters,
                                          const TextFormat& format);

}  // namespace braid::read
