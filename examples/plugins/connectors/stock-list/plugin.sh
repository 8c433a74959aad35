#!/bin/sh
# Stock from a text file that somebody appends to, one `sku;location;on_hand` per line: an example of a Syncline plugin
# (docs/plugins.md). The state is the number of lines that were read. The hub writes its messages without blanks, `type`
# first, then `id`, so that a pattern is enough to take them apart.
member() { # member NAME LINE: the text or number that NAME has in LINE
    printf '%s\n' "$2" | sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"
}

read -r hello || exit 1
file=$(member folder "$hello")/stock.txt
printf '{"type":"hello","protocol":1,"name":"stock-list","can":["check","discover","read"]}\n'

while read -r ask; do
    id=$(member id "$ask")
    case $ask in
    '{"type":"check"'*)
        if [ -r "$file" ]; then
            printf '{"type":"done","id":%s,"shows":"%s lines"}\n' "$id" "$(($(wc -l <"$file")))"
        else
            printf '{"type":"error","id":%s,"class":"permission","message":"%s cannot be read"}\n' "$id" "$file"
        fi
        ;;
    '{"type":"discover"'*)
        printf '{"type":"stream","id":%s,"stream":"stock"}\n{"type":"done","id":%s}\n' "$id" "$id"
        ;;
    '{"type":"read"'*)
        state=$(member state "$ask")
        [ "$state" = null ] && state=0
        # Whole lines only: the last one may still be being written.
        lines=$(($(wc -l <"$file")))
        head -n "$lines" "$file" | tail -n "+$((state + 1))" | while IFS=';' read -r sku location on_hand; do
            printf '{"type":"record","id":%s,"record":{"sku":"%s","location":"%s","on_hand":"%s"}}\n' \
                "$id" "$sku" "$location" "$on_hand"
        done
        printf '{"type":"state","id":%s,"state":%s}\n{"type":"done","id":%s}\n' "$id" "$lines" "$id"
        ;;
    esac
done
