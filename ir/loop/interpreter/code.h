#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ir/loop/program.h"
#include "ir/loop/scalar.h"

// A kernel with its names resolved: variables to places in a frame, buffers to numbers.
namespace sinter::loop::interpreter {

// An expression. One that varies has a value for each lane of the vector loop around it.
struct Code {
  ExprNode::Kind kind;
  Type type;
  ScalarOp op{};
  ContextValue context{};
  Scalar constant;
  size_t slot = 0;  // variable: in the frame; the first of a value a lane where it varies
  size_t buffer = 0;
  std::vector<Code*> args;
  bool varies = false;
  // Where its value (a value a lane) is kept while a statement is evaluated; kNoMemo where not worth it.
  static constexpr size_t kNoMemo = SIZE_MAX;
  size_t memo = kNoMemo;
};

struct Action {
  StmtNode::Kind kind;
  LoopKind loop_kind{};
  std::vector<Action> body;
  size_t slot = 0;  // loop, let
  size_t buffer = 0;
  int64_t lanes = 1;         // of the vector loop it is or stands in
  bool varies = false;       // let, store, fault: happens in each lane
  bool has_barrier = false;  // in it
  int64_t site = 0;
  int64_t group = 0;  // barrier: lanes that wait for one another; 0: all
  const Code* begin = nullptr;
  const Code* extent = nullptr;
  const Code* limit = nullptr;
  const Code* index = nullptr;
  const Code* value = nullptr;
  const Code* condition = nullptr;
  const Code* position = nullptr;
};

struct Routine {
  struct Part {
    Action root;
    int64_t units = 1;
  };

  std::vector<std::unique_ptr<Code>> codes;
  std::vector<Part> parts;
  std::vector<BufferRef> buffers;  // the arguments first
  size_t frame_size = 0;
  size_t memo_size = 0;
  int64_t workgroup_lanes = 1;  // invocations of a workgroup; of the part that has most
};

Routine resolve(const Kernel& kernel);  // of one that verifies

}  // namespace sinter::loop::interpreter
