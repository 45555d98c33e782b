#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "backends/vulkan/compile/fours.h"
#include "backends/vulkan/compile/shuffled_loads.h"
#include "backends/vulkan/run/image.h"
#include "ir/loop/program.h"
#include "ir/loop/walk.h"

namespace sinter::vulkan {

// What a shader may use of the device.
struct ShaderFeatures {
  bool has_f64 = false;
  bool has_i64 = false;
  bool has_bytes = false;  // 8-bit elements in buffers, as bools are; else these are parts of words
  bool keeps_nan = false;  // infinities, NaNs and signed zeros can be asked for
  bool keeps_denormals = false;
  // A driver that computes on a processor. It takes long over large shaders: nothing is unrolled before it,
  // loops of kernels with barriers not by it, and loads that depend on a condition are no branches. And it
  // takes x * 0 for 0, x + 0 and an integer that was a float in between for what they were.
  bool is_processor = false;
  // How many texel buffers a kernel has, where reading and writing tensors through them is faster than
  // through storage buffers; else 0.
  int64_t texel_buffers = 0;
  // Lanes of a subgroup, where loading once and giving to the others is faster than loading in every lane.
  int64_t shuffled_lanes = 0;
  int64_t max_groups = 65535;  // along each of two dimensions
  int64_t max_allocation = INT64_MAX;
};

// A kernel as a compute shader. Its bindings are `views` in order, then the call and the faults where
// `reads_call` and `uses_faults` say so. Push constants are the first element of each argument of `moved`.
struct Shader {
  std::string text;
  std::vector<View> views;
  std::string notes;  // what the text computes, for people; not part of it
  std::array<int64_t, 2> groups{1, 1};
  bool reads_call = false;
  bool uses_faults = false;
  bool reports_faults = false;
};

// `moved` says which arguments do not begin at their binding's beginning; with `is_guarded` the shader does
// nothing once a fault is noted. Throws GraphError that names an op and its source line where the device
// cannot compute what is asked for.
Shader emit_glsl(const loop::Kernel& kernel, const ShaderFeatures& features, const std::vector<bool>& moved,
                 bool is_guarded);

// One kernel's text, statement by statement.
class GlslEmitter final : private loop::Emitter {
 public:
  GlslEmitter(const loop::Kernel& kernel, const ShaderFeatures& features, const std::vector<bool>& moved);
  Shader emit(bool is_guarded);

 private:
  using Buffers = std::set<const loop::Buffer*>;

  // An expression's text and, besides, which buffers that the kernel writes it was read from.
  struct Text {
    std::string text;
    Buffers reads;
    int size = 1;
  };

  // Statements: glsl_statements.cc.
  using Emitter::emit;
  void emit_loop(const loop::StmtNode& s) override;
  void emit_block(const loop::StmtNode& s) override;
  void emit_store(const loop::StmtNode& s) override;
  void emit_stores(const loop::Stmt* four, const loop::Expr& vector);
  void emit_repeated(const loop::StmtNode& s, const char* hint);
  void emit_let(const loop::StmtNode& s) override;
  void emit_branch(const loop::StmtNode& s) override;
  void emit_allocate(const loop::StmtNode& s) override;
  void emit_fault(const loop::StmtNode& s) override;
  void emit_barrier(const loop::StmtNode& s) override;
  void emit_prefetch(const loop::StmtNode&) override {}  // GLSL has no word for it
  void report_faults();
  void line(const std::string& text);
  void open(const std::string& text);
  void close();
  void forget(const loop::Buffer& buffer);  // what was read from it
  void forget_writable();
  std::string declarations(std::vector<View>& views) const;

  // Expressions: glsl_expressions.cc.
  void count_uses(const std::vector<loop::Expr>& roots);
  std::string value(const loop::Expr& x);
  Text text_of(const loop::Expr& x);
  Text new_text(const loop::Expr& x);
  Text load_anyway(const loop::ExprNode& x);
  Text load(const loop::ExprNode& x);
  Text shuffled_load(const loop::ExprNode& x, const ShuffledElement& element);
  Text load_of_four(const loop::ExprNode& x, const FourElement& element);
  std::string loaded(const loop::Buffer& buffer, const std::string& index);
  std::string element(const loop::Buffer& buffer, const std::string& index);
  std::string byte_of(const loop::Buffer& buffer, const std::string& index);
  void store_byte(const loop::Buffer& buffer, const std::string& index, const std::string& guard,
                  const std::string& stored);
  std::string element_of_four(const loop::Buffer& shared, const loop::Expr& index);
  // Whether it has bools whose bytes are parts of words.
  bool is_in_words(const loop::Buffer& buffer) const {
    return buffer.type == loop::Type::boolean && buffer.space == loop::Space::global && !features_.has_bytes;
  }
  // Whether it is shared memory that is seen by four.
  bool is_in_fours(const loop::Buffer& buffer) const {
    return buffer.space == loop::Space::shared && fours_.uses(buffer);
  }
  std::string place(const loop::Buffer& buffer, const std::string& index) const;
  void need(const loop::Buffer& buffer, View::Kind kind) { views_[&buffer].insert(kind); }
  std::string declaration(const loop::Buffer& buffer, View::Kind kind, size_t binding) const;
  std::string named(const char* type, const Text& text);
  std::string constant(const loop::ExprNode& x);
  std::string term(const loop::ExprNode& x, size_t i, const std::vector<std::string>& args) const;
  std::string apply(const loop::ExprNode& x, const std::vector<std::string>& args);
  std::string floating_apply(const loop::ExprNode& x, const std::vector<std::string>& args);
  std::string integer_apply(const loop::ExprNode& x, const std::vector<std::string>& args);
  std::string boolean_apply(const loop::ExprNode& x, const std::vector<std::string>& args);
  std::string cast(loop::Type from, loop::Type to, const std::string& x);
  std::string bitcast(loop::Type from, loop::Type to, const std::string& x);
  std::string call(const std::string& function, const std::vector<std::string>& args);
  const char* type_name(loop::Type type);

  std::string unique(const std::string& name);
  [[noreturn]] void unsupported(const std::string& what) const;

  const loop::Kernel& kernel_;
  const ShaderFeatures& features_;
  const std::vector<bool>& moved_;

  const loop::Stmt root_;  // all parts in one loop
  ShuffledLoads shuffled_;
  loop::VariableRef subgroup_lane_ = loop::make_variable("subgroup_lane");
  Fours fours_;
  bool keeps_loops_;
  bool orders_tensors_;  // lanes may load from tensors what others have stored there
  std::string body_, shared_;
  int depth_ = 1, loops_ = 0;
  std::set<std::string> helpers_;  // functions of glsl_helpers.h that the text calls
  std::set<std::string> extensions_;
  std::unordered_map<const loop::Buffer*, std::string> buffers_;
  std::unordered_map<const loop::Buffer*, std::string> offsets_;  // of moved arguments
  std::set<const loop::Buffer*> texels_;                          // arguments that texel buffers may show
  std::unordered_map<const loop::Buffer*, std::set<View::Kind>> views_;
  std::unordered_map<const loop::Variable*, std::string> variables_;
  std::unordered_map<std::string, int> names_;

  // Of one statement.
  std::unordered_map<const loop::ExprNode*, int> uses_;
  std::unordered_map<const loop::ExprNode*, Text> texts_;
  std::vector<loop::Expr> kept_;  // alive as long as texts_ has them
  // Of a scope: text of an expression -> the name it was given.
  std::unordered_map<std::string, Text> known_;

  int64_t lanes_ = 1;
  std::array<int64_t, 2> groups_{1, 1};
  bool reads_call_ = false, uses_faults_ = false;
  std::set<int64_t> sites_;  // of checks in the kernel
};

}  // namespace sinter::vulkan
