#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/loop/program.h"
#include "ir/loop/text/text.h"

namespace sinter::loop {
namespace {

BufferRef buffer(const char* name, int64_t size, Space space = Space::global, bool written = false) {
  return std::make_shared<const Buffer>(
      Buffer{.name = name, .type = Type::f32, .size = size, .space = space, .written = written});
}

TEST(Print, ShowsEveryStatement) {
  const BufferRef x = buffer("x", 640), y = buffer("y", 640, Space::global, true);
  const BufferRef acc = buffer("acc", 8, Space::local), tile = buffer("tile", 64, Space::shared);
  const VariableRef g = make_variable("g"), l = make_variable("l"), v = make_variable("v"),
                    k = make_variable("k");
  const VariableRef n = make_variable("n"), t = make_variable("t", Type::f32);
  const Expr at = variable(g) * 64 + variable(l) * 8 + variable(v);
  const Stmt body = block({
      loop(LoopKind::unrolled, k, integer(0), integer(2), store(acc, variable(k), number(0, Type::f32))),
      let(t, load(x, at, at < integer(600)),
          store(y, at, variable(t) * number(0.5, Type::f32), at < integer(600))),
      fault(at >= integer(600), 3, at, at),
  });
  const Kernel kernel{
      .name = "scale",
      .arguments = {x, y},
      .parts = {loop(
          LoopKind::workgroup, g, integer(0), integer(10),
          allocate(tile, loop(LoopKind::lane, l, integer(0), integer(8),
                              allocate(acc, block({
                                                loop(LoopKind::vector, v, integer(0), integer(8), body,
                                                     integer(600) - variable(l)),
                                                barrier(),
                                                branch(variable(l) == integer(0),
                                                       loop(LoopKind::serial, n, variable(g), variable(l),
                                                            store(tile, variable(n), load(acc, integer(1)))),
                                                       block({})),
                                            })))))},
      .notes = {"mul (model.cpp:3)"},
  };
  EXPECT_EQ(print(kernel), R"(// mul (model.cpp:3)
kernel scale(x: f32[640], out y: f32[640]):
  workgroup for g in 0..10:
    shared tile: f32[64]
    lane for l in 0..8:
      local acc: f32[8]
      vector for v in 0..8 limit 600 - l:
        unrolled for k in 0..2:
          acc[k] = 0.0
        scope:
          let t: f32 = x[g*64 + l*8 + v if g*64 + l*8 + v < 600]
          y[g*64 + l*8 + v] = t*0.5 if g*64 + l*8 + v < 600
        fault 3 at g*64 + l*8 + v, value g*64 + l*8 + v if g*64 + l*8 + v >= 600
      barrier
      if l == 0:
        for n in g..+l:
          tile[n] = acc[1]
      else:
        pass
)");
}

TEST(Print, ShowsPrograms) {
  const BufferRef x = buffer("x", 4), y = buffer("y", 4, Space::global, true);
  const VariableRef i = make_variable("i");
  Program program;
  program.name = "step";
  program.arena_bytes = 64;
  program.kernels = {{.name = "copy",
                      .arguments = {x, y},
                      .parts = {loop(LoopKind::parallel, i, integer(0), integer(4),
                                     store(y, variable(i), load(x, variable(i))))}}};
  program.slots = {{.kind = Slot::Kind::input, .name = "a", .type = Type::f32, .elements = 12, .ordinal = 0},
                   {.kind = Slot::Kind::arena,
                    .name = "tmp",
                    .type = Type::f32,
                    .elements = 4,
                    .offset = 32,
                    .origin = "model.cpp:2",
                    .last_step = 1},
                   {.kind = Slot::Kind::state, .name = "w", .type = Type::f32, .elements = 4, .ordinal = 1},
                   {.kind = Slot::Kind::constant,
                    .name = "a constant",
                    .type = Type::f32,
                    .elements = 1,
                    .data = {std::byte{0}, std::byte{0}, std::byte{0x80}, std::byte{0x3f}}}};
  program.faults = {{.kind = FaultSite::Kind::index,
                     .op = "gather",
                     .subject = "ids",
                     .shape = {3, 2},
                     .bound = 10,
                     .location = "model.cpp:3"},
                    {.kind = FaultSite::Kind::finite, .op = "check_finite", .subject = "loss"}};
  program.steps = {{.kind = Step::Kind::repeat,
                    .count = 3,
                    .reverse = true,
                    .body = {{.kernel = 0, .arguments = {{0, 0, {4}}, {1, 0, {}}}}}},
                   {.kernel = 0, .arguments = {{0, 8, {}}, {2, 0, {}}}, .writes_state = true}};
  EXPECT_EQ(print(program), R"(program step: arena of 64 bytes
  slot 0: input 0: f32[12] a
  slot 1: arena at 32: f32[4] tmp in steps 0..1 (model.cpp:2)
  slot 2: state 1: f32[4] w
  slot 3: constant: f32[1] "a constant" = 0x0000803f
  fault 0: gather: 0 <= ids[3,2] < 10 (model.cpp:3)
  fault 1: check_finite: loss[] is finite
  repeat l0 in 0..3 falling:
    launch 0 copy(slot 0 + 4*l0, slot 1)
  launch 0 copy(slot 0 + 8, slot 2) unless faulted

kernel 0 copy(x: f32[4], out y: f32[4]):
  parallel for i in 0..4:
    y[i] = x[i]
)");
}

}  // namespace
}  // namespace sinter::loop
