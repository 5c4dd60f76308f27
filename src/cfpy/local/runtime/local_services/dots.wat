;; The dot products of one vector with each row of a matrix: of 32-bit floats, four at a time, or of
;; bytes with a vector of 16-bit integers, eight at a time.
;;
;; Rows are as long as the vector, and both a multiple of 16 numbers: what is missing is zero.
;; Made into dots.wasm by `wat2wasm` of the npm package wabt.
(module
  (memory (export "memory") 1)
  (func (export "dots")
    (param $row i32) (param $rows i32) (param $bytes i32) (param $vector i32) (param $out i32)
    (local $at i32)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (loop $next_row
      (if (i32.eqz (local.get $rows)) (then (return)))
      (local.set $at (i32.const 0))
      (local.set $a (v128.const f32x4 0 0 0 0))
      (local.set $b (v128.const f32x4 0 0 0 0))
      (local.set $c (v128.const f32x4 0 0 0 0))
      (local.set $d (v128.const f32x4 0 0 0 0))
      (loop $next_floats
        (local.set $a (f32x4.add (local.get $a) (f32x4.mul
          (v128.load (i32.add (local.get $row) (local.get $at)))
          (v128.load (i32.add (local.get $vector) (local.get $at))))))
        (local.set $b (f32x4.add (local.get $b) (f32x4.mul
          (v128.load offset=16 (i32.add (local.get $row) (local.get $at)))
          (v128.load offset=16 (i32.add (local.get $vector) (local.get $at))))))
        (local.set $c (f32x4.add (local.get $c) (f32x4.mul
          (v128.load offset=32 (i32.add (local.get $row) (local.get $at)))
          (v128.load offset=32 (i32.add (local.get $vector) (local.get $at))))))
        (local.set $d (f32x4.add (local.get $d) (f32x4.mul
          (v128.load offset=48 (i32.add (local.get $row) (local.get $at)))
          (v128.load offset=48 (i32.add (local.get $vector) (local.get $at))))))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br_if $next_floats (i32.lt_u (local.get $at) (local.get $bytes))))
      (local.set $a (f32x4.add
        (f32x4.add (local.get $a) (local.get $b)) (f32x4.add (local.get $c) (local.get $d))))
      (f32.store (local.get $out) (f32.add
        (f32.add (f32x4.extract_lane 0 (local.get $a)) (f32x4.extract_lane 1 (local.get $a)))
        (f32.add (f32x4.extract_lane 2 (local.get $a)) (f32x4.extract_lane 3 (local.get $a)))))
      (local.set $row (i32.add (local.get $row) (local.get $bytes)))
      (local.set $out (i32.add (local.get $out) (i32.const 4)))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
      (br $next_row)))
  ;; A sum of 1,536 products of 127 and 32,767 is too large for an integer, an eighth of it is not:
  ;; what the eight sums of a row add up to is a float.
  (func (export "sums")
    (param $row i32) (param $rows i32) (param $bytes i32) (param $vector i32) (param $out i32)
    (local $end i32) (local $at i32)
    (local $a v128) (local $b v128)
    (loop $next_row
      (if (i32.eqz (local.get $rows)) (then (return)))
      (local.set $end (i32.add (local.get $row) (local.get $bytes)))
      (local.set $at (local.get $vector))
      (local.set $a (v128.const i32x4 0 0 0 0))
      (local.set $b (v128.const i32x4 0 0 0 0))
      (loop $next_bytes
        (local.set $a (i32x4.add (local.get $a) (i32x4.dot_i16x8_s
          (v128.load8x8_s (local.get $row)) (v128.load (local.get $at)))))
        (local.set $b (i32x4.add (local.get $b) (i32x4.dot_i16x8_s
          (v128.load8x8_s offset=8 (local.get $row)) (v128.load offset=16 (local.get $at)))))
        (local.set $row (i32.add (local.get $row) (i32.const 16)))
        (local.set $at (i32.add (local.get $at) (i32.const 32)))
        (br_if $next_bytes (i32.lt_u (local.get $row) (local.get $end))))
      (local.set $a (f32x4.add
        (f32x4.convert_i32x4_s (local.get $a)) (f32x4.convert_i32x4_s (local.get $b))))
      (f32.store (local.get $out) (f32.add
        (f32.add (f32x4.extract_lane 0 (local.get $a)) (f32x4.extract_lane 1 (local.get $a)))
        (f32.add (f32x4.extract_lane 2 (local.get $a)) (f32x4.extract_lane 3 (local.get $a)))))
      (local.set $out (i32.add (local.get $out) (i32.const 4)))
      (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
      (br $next_row)))
)
