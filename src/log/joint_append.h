// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "log/commit_order.h"
#include "log/partition.h"

namespace braid::log {

/// One append to several partitions, of one log or of several of a node: each part is a group of
/// its own, all share one sequence, and they are shown and acknowledged in one step. Other appends
/// to these partitions wait meanwhile. Lives in one call.
class JointAppend {
  public:
    explicit JointAppend(CommitOrder& order) : order_(order) {}

    /// Parts of one partition are stored in the order in which they are added. The request must
    /// outlive this.
    void add(Partition& partition, const AppendRequest& request);
    /// The outcomes in the order of add(). After an error nothing is shown, and as long as the
    /// process lives nothing will be; a restart may find some of the parts, each as a whole.
    Result<std::vector<AppendOutcome>> run();

  private:
    /// What goes to one partition.
    struct Part {
        Partition* partition;
        Partition::Group group;
        std::vector<std::string> pieces;
        GroupStamp stamp;
    };

    Part& part_of(Partition& partition);
    Result<void> write();
    void show();

    CommitOrder& order_;
    std::vector<std::unique_ptr<Partition::Waiter>> waiters_;  // in order of add()
    std::vector<Part> parts_;  // by log and partition: whoever takes several leads goes this way
};

}  // namespace braid::log
