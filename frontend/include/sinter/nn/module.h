#pragma once

#include <sinter/export.h>
#include <sinter/extent.h>
#include <sinter/variable.h>

#include <concepts>
#include <functional>
#include <memory>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace SINTER_EXPORT sinter {
namespace nn {

class Buffer;
class Module;

// The name of a part of a model, and the line where it was given, which a mistake in the part shows.
class Name {
 public:
  Name(std::string text, std::source_location where = std::source_location::current())
      : text_(std::move(text)), where_(where) {}
  Name(const char* text, std::source_location where = std::source_location::current())
      : text_(text), where_(where) {}
  operator std::string() const { return text_; }

  const std::string& text() const { return text_; }
  const std::source_location& where() const { return where_; }

 private:
  std::string text_;
  std::source_location where_;
};

// A weight that training changes: nn::Parameter scale{*this, "scale", {64}, Initializer::ones()};
// State has one shape in all calls: a Dim in it throws Error.
class Parameter final : public Variable {
 public:
  Parameter(Module& owner, Name name, Extents shape, Initializer initializer, DType type = f32);
  ~Parameter();

  std::string path() const override;
  const Module& owner() const { return *owner_; }
  // Optimisers leave a frozen parameter as it is.
  void freeze() { set_trainable(false); }
  void unfreeze() { set_trainable(true); }

 private:
  Module* owner_;
  std::string name_;
};

// State that gradients do not reach: running statistics, counters.
class Buffer final : public Variable {
 public:
  Buffer(Module& owner, Name name, Extents shape, Initializer initializer = Initializer::zeros(),
         DType type = f32);
  ~Buffer();

  std::string path() const override;

 private:
  Module* owner_;
  std::string name_;
};

// State of each session of a program (Program::session) by itself, which gradients do not reach: the keys and
// values of what attention has seen, say. Its extents may be Dims, whose sizes a session has. It begins as
// the initializer says, and is in no file that Program::save writes.
class Cache final : public Variable {
 public:
  Cache(Module& owner, Name name, Extents shape, Initializer initializer = Initializer::zeros(),
        DType type = f32);
  ~Cache();

  std::string path() const override;

 private:
  Module* owner_;
  std::string name_;
};

// A part of a model: parameters and other modules as members, each told its owner and its name, from which
// paths like "encoder.0.attention" are made. Neither copied nor moved, since its members know where it is.
//
//   struct Classifier : nn::Module {
//     nn::Linear hidden{*this, "hidden", 64, 128};
//     nn::Linear classes{*this, "classes", 128, 5};
//     Tensor operator()(Tensor x) { return classes(relu(hidden(x))); }
//   };
class Module {
 public:
  explicit Module(std::string name = "");  // a whole model; two in one program need different names
  Module(Module& owner, Name name);
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module();

  std::string path() const;  // "" for a whole model without a name
  // Those of this module and all below it, in the order in which they were declared; of them the ones that
  // `takes` holds for, where it is given.
  using Takes = std::function<bool(const Variable&)>;
  std::vector<Parameter*> parameters(const Takes& takes = nullptr) const;
  int64_t parameter_count() const;  // elements
  // Optimisers leave frozen parameters as they are. A program keeps to what was frozen when it was compiled.
  void freeze(const Takes& takes = nullptr);
  void unfreeze(const Takes& takes = nullptr);
  // f of this module and of all below it, each before those in it.
  void apply(const std::function<void(Module&)>& f);
  const Lifetime& lifetime() const { return lifetime_; }

 private:
  friend class Parameter;
  friend class Buffer;
  friend class Cache;

  struct Member {
    std::string name;
    // One of these.
    Module* module;
    Parameter* parameter;
    const void* state;  // a buffer or a cache
  };
  void adopt(Member member);
  void release(const void* member);
  std::string path_of(const std::string& member) const;
  void collect(std::vector<Parameter*>& into) const;

 protected:
  // For a list of modules. Throws Error unless it can begin with `count` of them.
  void check_count(int64_t count, bool buildable, const std::source_location& where) const;

 private:
  Module* owner_ = nullptr;
  std::string name_;
  std::vector<Member> members_;
  Lifetime lifetime_;
};

// Puts a module's path on every operation made while it lives, so that errors and profiles show it. The
// layers here do so themselves; a module of yours inside another says it in its first line:
//   Tensor operator()(Tensor x) { nn::Scope scope(*this); ... }
class Scope {
 public:
  explicit Scope(const Module& module);
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope();
};

// Modules called "0", "1", ... in a list of their own: nn::ModuleList<Block> blocks{*this, "blocks", 4, 128};
// builds Block(list, "0", 128) and so on. Without a count it begins empty, to be filled by append.
template <std::derived_from<Module> T>
class ModuleList : public Module {
 public:
  ModuleList(Module& owner, Name name) : Module(owner, name), where_(name.where()) {}
  template <typename... Args>
  ModuleList(Module& owner, Name name, int64_t count, const Args&... args)
      : ModuleList(owner, std::move(name)) {
    constexpr bool kBuildable = sizeof...(Args) > 0 || std::constructible_from<T, Module&, Name>;
    check_count(count, kBuildable, where_);
    if constexpr (kBuildable) {
      for (int64_t i = 0; i < count; ++i) append(args...);
    }
  }

  // Builds T(list, name, args...).
  template <typename... Args>
  T& append(const Args&... args) {
    modules_.push_back(std::make_unique<T>(*this, Name(std::to_string(modules_.size()), where_), args...));
    return *modules_.back();
  }

  int64_t size() const { return static_cast<int64_t>(modules_.size()); }
  T& operator[](int64_t i) { return *modules_.at(static_cast<size_t>(i)); }
  const T& operator[](int64_t i) const { return *modules_.at(static_cast<size_t>(i)); }

  class Iterator {
   public:
    explicit Iterator(const std::unique_ptr<T>* at) : at_(at) {}
    T& operator*() const { return **at_; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }

   private:
    const std::unique_ptr<T>* at_;
  };
  Iterator begin() { return Iterator(modules_.data()); }
  Iterator end() { return Iterator(modules_.data() + modules_.size()); }

 private:
  std::vector<std::unique_ptr<T>> modules_;
  std::source_location where_;
};

}  // namespace nn
}  // namespace sinter
