// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/memory_file_system.h"
#include "base/store.h"

namespace braid {

/// A form of a seam, fresh and empty, as the parameter of its conformance suite.
template <typename Face>
struct TestForm {
    std::string name;
    /// Whatever it stands on ends with it.
    std::function<std::shared_ptr<Face>()> make;
};

/// A machine with a store whose power can be cut and whose steps can fail.
class FaultyStore {
  public:
    virtual ~FaultyStore() = default;
    virtual Store& store() = 0;
    /// Called before each step that changes something, numbered from 0 in the order of the steps
    /// since it was set; an error fails the step, which may have happened in part. Null: no faults.
    virtual void set_fault(std::function<Result<void>(uint64_t step)> fault) = 0;
    /// From this step on nothing works, until crash().
    virtual void cut_power_after(uint64_t steps) = 0;
    virtual uint64_t steps() const = 0;
    /// What was not durable meets its fate; then everything works again.
    virtual void crash(CrashFate fate, uint64_t seed) = 0;
};

template <typename Face>
std::string form_name(const testing::TestParamInfo<TestForm<Face>>& info) {
    return info.param.name;
}

}  // namespace braid
