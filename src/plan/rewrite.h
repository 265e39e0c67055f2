// SPDX-License-Identifier: Apache-2.0
#pragma once

// Walking and rewriting bound expressions and plans, for the floors that make and run them.
#include "plan/rewrite_internal.h"
