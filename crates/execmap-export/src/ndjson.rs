//! One call a line, in order of start.

use std::io::{self, Write};

use execmap_query::{Trace, rows};

/// Writes all calls.
pub fn write(trace: &Trace, out: &mut dyn Write) -> io::Result<()> {
    for row in rows(trace) {
        serde_json::to_writer(&mut *out, &row)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use execmap_query::testing::{TraceBuilder, shop};

    #[test]
    fn a_line_has_the_keys_of_the_contract_in_their_order() {
        let mut out = Vec::new();
        write(&shop(), &mut out).expect("memory can be written");
        let text = String::from_utf8(out).expect("JSON is UTF-8");
        assert_eq!(text.lines().count(), 11);
        insta::assert_snapshot!(text.lines().nth(2).unwrap_or_default(), @r#"{"handle":"c-2","parent":"c-1","created_by":null,"process":"p-0","thread":"t-0","task":null,"function":"Cart.add","module":"shop.cart","file":"/src/shop/cart.py","line":21,"call_line":12,"start_ns":3000,"end_ns":4000,"suspended_ns":0,"args":{"self":"<Cart items=[]>","name":"'pen'","qty":"2"},"result":"1","outcome":"returned","exception":null}"#);
        insta::assert_snapshot!(text.lines().last().unwrap_or_default(), @r#"{"handle":"c-10","parent":"c-1","created_by":null,"process":"p-0","thread":"t-0","task":null,"function":"fails","module":"shop","file":"/src/shop.py","line":51,"call_line":20,"start_ns":19000,"end_ns":20000,"suspended_ns":0,"args":{"x":"'ann'"},"result":null,"outcome":"raised","exception":"ValueError: bad; \"quoted\" <tag>\nsecond line #1"}"#);
    }

    #[test]
    fn a_task_is_created_by_a_call_and_what_never_ended_has_no_end() {
        let mut builder = TraceBuilder::new();
        let main = builder.call("main", &[]);
        builder.new_task("charge", Some(main));
        builder.call("charge", &[]);
        builder.wait(5);
        let charge = builder.suspends();
        builder.wait(100).resumes(charge);
        let mut out = Vec::new();
        write(&builder.trace(), &mut out).expect("memory can be written");
        let text = String::from_utf8(out).expect("JSON is UTF-8");
        insta::assert_snapshot!(text.lines().last().unwrap_or_default(), @r#"{"handle":"c-1","parent":"c-0","created_by":"c-0","process":"p-0","thread":"t-0","task":"k-0","function":"charge","module":"shop","file":"/src/shop.py","line":11,"call_line":11,"start_ns":2000,"end_ns":null,"suspended_ns":101000,"args":{},"result":null,"outcome":"unfinished","exception":null}"#);
    }
}
