#include "ir/loop/interpreter/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "ir/error.h"

// Statements.
namespace sinter::loop::interpreter {

Machine::Machine(const Kernel& kernel, const Routine& routine, std::span<void* const> arguments,
                 const Call& call)
    : kernel_(kernel),
      routine_(routine),
      call_(call),
      memory_(routine.buffers.size()),
      frame_(routine.frame_size),
      iterations_(static_cast<size_t>(routine.workgroup_lanes)),
      memos_(routine.memo_size) {
  // Arguments that lie in one place share a log, so that one may be updated where another is read.
  std::unordered_map<const void*, std::shared_ptr<AccessLog>> logs;
  for (size_t i = 0; i < memory_.size(); ++i) {
    const Buffer& buffer = *routine.buffers[i];
    Memory& memory = memory_[i];
    if (i < arguments.size()) {
      memory.data = static_cast<std::byte*>(arguments[i]);
      if (buffer.written) logs.try_emplace(memory.data, std::make_shared<AccessLog>());
      continue;
    }
    memory.own.resize(static_cast<size_t>(copies(buffer) * buffer.size * size_in_bytes(buffer.type)));
    memory.data = memory.own.data();
    if (buffer.space == Space::shared) memory.log = std::make_shared<AccessLog>();
  }
  for (size_t i = 0; i < arguments.size(); ++i) {
    const auto log = logs.find(memory_[i].data);
    if (log != logs.end()) memory_[i].log = log->second;
  }
}

void Machine::run(std::map<int64_t, Fault>& faults) {
  faults_ = &faults;
  first_unit_ = 0;
  for (const Routine::Part& part : routine_.parts) {
    begin_unit(0);
    execute(part.root);
    first_unit_ += part.units;
  }
}

void Machine::execute(const Action& a) {
  ++statement_;
  switch (a.kind) {
    case StmtNode::Kind::block:
      for (const Action& child : a.body) execute(child);
      return;
    case StmtNode::Kind::loop:
      return execute_loop(a);
    case StmtNode::Kind::store:
      return execute_store(a);
    case StmtNode::Kind::let:
      execute_let(a);
      return execute(a.body[0]);
    case StmtNode::Kind::branch:
      if (uniform(*a.condition)) return execute(a.body[0]);
      if (a.body.size() > 1) execute(a.body[1]);
      return;
    case StmtNode::Kind::allocate:
      execute_allocate(a);
      return execute(a.body[0]);
    case StmtNode::Kind::fault:
      return execute_fault(a);
    case StmtNode::Kind::barrier:
      return execute_barrier(a);
    case StmtNode::Kind::prefetch:
      return;
  }
}

void Machine::execute_loop(const Action& a) {
  const int64_t begin = uniform(*a.begin), extent = uniform(*a.extent);
  if (a.loop_kind == LoopKind::vector) return execute_vector(a, begin);
  if (a.loop_kind == LoopKind::lane) return execute_lanes(a);
  const bool is_root = a.loop_kind == LoopKind::parallel || a.loop_kind == LoopKind::workgroup;
  if (a.loop_kind == LoopKind::serial) {
    if (in_lanes_) {
      count(iterations_[lane_], extent);
    } else {
      for (int64_t& iterations : iterations_) count(iterations, extent);
    }
  }
  for (int64_t i = begin; i < begin + extent; ++i) {
    if (is_root) begin_unit(i - begin);
    frame_[a.slot].integer = i;
    execute(a.body[0]);
  }
}

// As most_iterations() does.
void Machine::count(int64_t& iterations, int64_t extent) const {
  iterations += std::max<int64_t>(extent, 0) + 1;
  if (iterations <= call_.max_iterations) return;
  throw InternalError(fmt::format("kernel {}: the loops of an invocation make more than {} iterations",
                                  kernel_.name, call_.max_iterations));
}

// What is allocated around the root loop is fresh in each of its iterations.
void Machine::begin_unit(int64_t of_part) {
  unit_ = first_unit_ + of_part;
  std::ranges::fill(iterations_, 0);
  for (size_t i = kernel_.arguments.size(); i < memory_.size(); ++i) {
    const Buffer& buffer = *routine_.buffers[i];
    poison(memory_[i].data, buffer.type, copies(buffer) * buffer.size);
    if (memory_[i].log) memory_[i].log->synchronize();
  }
}

void Machine::execute_vector(const Action& a, int64_t begin) {
  const int64_t limit = a.limit ? uniform(*a.limit) : begin + a.lanes;
  for (int64_t lane = 0; lane < a.lanes; ++lane)
    frame_[a.slot + static_cast<size_t>(lane)].integer = begin + lane;
  width_ = a.lanes;
  active_ = std::clamp<int64_t>(limit - begin, 0, a.lanes);
  execute(a.body[0]);
  width_ = active_ = 1;
}

void Machine::execute_lanes(const Action& a) {
  const int64_t begin = uniform(*a.begin), lanes = uniform(*a.extent);
  waiting_.assign(static_cast<size_t>(lanes), frame_);
  for (size_t lane = 0; lane < waiting_.size(); ++lane) {
    waiting_[lane][a.slot].integer = begin + static_cast<int64_t>(lane);
  }
  in_lanes_ = true;
  lockstep(a.body[0]);
  in_lanes_ = false;
  lane_ = 0;
}

void Machine::for_each_lane(const auto& visit) {
  for (lane_ = 0; lane_ < waiting_.size(); ++lane_) {
    std::swap(frame_, waiting_[lane_]);
    ++statement_;
    visit();
    std::swap(frame_, waiting_[lane_]);
  }
}

void Machine::lockstep(const Action& a) {
  if (!a.has_barrier) return for_each_lane([&] { execute(a); });
  switch (a.kind) {
    case StmtNode::Kind::block:
      for (const Action& child : a.body) lockstep(child);
      return;
    case StmtNode::Kind::loop:
      return lockstep_loop(a);
    case StmtNode::Kind::let:
      for_each_lane([&] { execute_let(a); });
      return lockstep(a.body[0]);
    case StmtNode::Kind::branch:
      if (agreed(*a.condition)) return lockstep(a.body[0]);
      if (a.body.size() > 1) lockstep(a.body[1]);
      return;
    case StmtNode::Kind::allocate:
      for_each_lane([&] { execute_allocate(a); });
      return lockstep(a.body[0]);
    case StmtNode::Kind::barrier:
      return execute_barrier(a);
    case StmtNode::Kind::store:
    case StmtNode::Kind::fault:
    case StmtNode::Kind::prefetch:
      break;
  }
}

void Machine::lockstep_loop(const Action& a) {
  const int64_t begin = agreed(*a.begin), extent = agreed(*a.extent);
  for (int64_t& iterations : iterations_) count(iterations, extent);
  for (int64_t i = begin; i < begin + extent; ++i) {
    for (Frame& frame : waiting_) frame[a.slot].integer = i;
    lockstep(a.body[0]);
  }
}

int64_t Machine::agreed(const Code& x) {
  int64_t value = 0;
  for_each_lane([&] {
    const int64_t own = uniform(x);
    if (lane_ > 0 && own != value) {
      throw InternalError(
          fmt::format("kernel {}: lanes reach a barrier differently: {} in lane {}, {} in lane 0",
                      kernel_.name, own, lane_, value));
    }
    value = own;
  });
  return value;
}

void Machine::execute_barrier(const Action& a) {
  for (const Memory& memory : memory_) {
    if (!memory.log || memory.own.empty()) continue;
    if (a.group == 0) {
      memory.log->synchronize();
    } else {
      memory.log->synchronize_groups(a.group);
    }
  }
}

void Machine::execute_let(const Action& a) {
  const int64_t lanes = a.varies ? a.lanes : 1;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    frame_[a.slot + static_cast<size_t>(lane)] = evaluate(*a.value, lane);
  }
}

void Machine::execute_allocate(const Action& a) {
  const Buffer& buffer = *routine_.buffers[a.buffer];
  std::byte* data = memory_[a.buffer].data;
  const int64_t bytes = buffer.size * size_in_bytes(buffer.type);
  if (buffer.space == Space::shared) return poison(data, buffer.type, buffer.size);
  const int64_t own = static_cast<int64_t>(lane_);
  const int64_t first = in_lanes_ ? own : 0, last = in_lanes_ ? own + 1 : routine_.workgroup_lanes;
  poison(data + first * bytes, buffer.type, (last - first) * buffer.size);
}

void Machine::execute_store(const Action& a) {
  if (!a.varies) {
    if (a.condition && !uniform(*a.condition)) return;
    return write(a.buffer, uniform(*a.index), evaluate(*a.value, 0));
  }
  // All lanes read before one writes.
  std::vector<std::pair<int64_t, Scalar>> stores;
  for (int64_t lane = 0; lane < active_; ++lane) {
    if (a.condition && !evaluate(*a.condition, lane).integer) continue;
    stores.emplace_back(evaluate(*a.index, lane).integer, evaluate(*a.value, lane));
  }
  for (const auto& [index, value] : stores) write(a.buffer, index, value);
}

void Machine::execute_fault(const Action& a) {
  const int64_t lanes = a.varies ? active_ : 1;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    if (!evaluate(*a.condition, lane).integer) continue;
    const int64_t position = evaluate(*a.position, lane).integer;
    const auto [fault, is_new] = faults_->try_emplace(a.site);
    if (!is_new && fault->second.position <= position) continue;
    fault->second = {a.site, position, a.value ? evaluate(*a.value, lane) : Scalar{}};
  }
}

}  // namespace sinter::loop::interpreter
