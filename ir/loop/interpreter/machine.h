#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "ir/loop/interpreter.h"
#include "ir/loop/interpreter/code.h"
#include "ir/loop/interpreter/memory.h"

namespace sinter::loop::interpreter {

// Runs one launch of a kernel.
class Machine {
 public:
  Machine(const Kernel& kernel, const Routine& routine, std::span<void* const> arguments, const Call& call);

  // Adds to `faults`, by site.
  void run(std::map<int64_t, Fault>& faults);

 private:
  using Frame = std::vector<Scalar>;

  struct Memory {
    std::byte* data = nullptr;
    std::vector<std::byte>
        own;  // of local and shared buffers; local ones have a copy a lane of the workgroup
    std::shared_ptr<AccessLog> log;
  };

  void execute(const Action& a);
  void execute_loop(const Action& a);
  void begin_unit(int64_t of_part);
  void count(int64_t& iterations, int64_t extent) const;
  void execute_vector(const Action& a, int64_t begin);
  void execute_lanes(const Action& a);
  void execute_store(const Action& a);
  void execute_fault(const Action& a);
  void execute_let(const Action& a);
  void execute_allocate(const Action& a);
  void execute_barrier(const Action& a);

  // The lanes of a workgroup in lockstep: what holds no barrier runs one lane after the other, what holds one
  // is taken apart and must go the same way in all lanes.
  void lockstep(const Action& a);
  void lockstep_loop(const Action& a);
  void for_each_lane(const auto& visit);
  int64_t agreed(const Code& x);

  Scalar evaluate(const Code& x, int64_t lane);
  Scalar compute(const Code& x, int64_t lane);
  Scalar apply(const Code& x, int64_t lane);
  Scalar reduce_lanes(const Code& x);
  Scalar reduce_subgroup(const Code& x);
  Scalar read(const Code& x, int64_t lane);
  void write(size_t buffer, int64_t index, Scalar value);
  int64_t uniform(const Code& x) { return evaluate(x, 0).integer; }

  // Checks bounds and races; where the elements lie.
  std::byte* access(size_t buffer, int64_t index, bool writes);
  int64_t agent(const Buffer& buffer) const;
  // Of a local buffer, one a lane of the workgroup.
  int64_t copies(const Buffer& buffer) const {
    return buffer.space == Space::local ? routine_.workgroup_lanes : 1;
  }

  const Kernel& kernel_;
  const Routine& routine_;
  const Call& call_;
  std::vector<Memory> memory_;
  std::map<int64_t, Fault>* faults_ = nullptr;

  Frame frame_;                 // of the lane that runs, or of all
  std::vector<Frame> waiting_;  // of the lanes of a workgroup
  bool in_lanes_ = false;
  size_t lane_ = 0;                  // of the workgroup
  int64_t first_unit_ = 0;           // of the part
  int64_t unit_ = 0;                 // of the kernel
  std::vector<int64_t> iterations_;  // of its serial loops, by lane of the workgroup
  int64_t active_ = 1;               // lanes of the vector loop
  int64_t width_ = 1;                // all its lanes
  uint64_t statement_ = 0;           // evaluated now; memos of others are stale
  struct Memo {
    uint64_t statement = 0;
    Scalar value;
  };
  std::vector<Memo> memos_;
};

}  // namespace sinter::loop::interpreter
