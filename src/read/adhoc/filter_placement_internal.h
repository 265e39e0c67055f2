// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "plan/node.h"

namespace braid::read {

/// The plan with conditions of filters and inner joins moved down to the scans whose columns alone
/// they read, where `is_kernel_leaf` accepts the scan with its filter: there they choose what is
/// read at all. Conditions move through inner joins, the kept side of outer ones, other filters,
/// sorts and plain column lists; what cannot move stays. Subqueries are not looked into: a plan of
/// their own is made when they are written.
plan::NodePtr place_filters(const plan::Node& root,
                            const std::function<bool(const plan::Node&)>& is_kernel_leaf);

}  // namespace braid::read
